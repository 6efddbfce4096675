// SPDX-License-Identifier: GPL-2.0-only
//! How do base, patches and overlay become one git tree?

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::base;
use crate::base::Base;
use crate::cmd;
use crate::fingerprint::Fingerprint;
use crate::git;
use crate::git::Git;
use crate::maintainers;
use crate::overlay;
use crate::project::Project;

/// Subject of the commit that adds the overlay.
pub const OVERLAY: &str = "superpageblock: overlay";
/// Where the tree remembers its base.
pub const BASE_REF: &str = "refs/superpageblock/base";
/// Where the tree remembers what was laid out last.
pub const TOP_REF: &str = "refs/superpageblock/top";

/// `build/tree`, laid out.
#[derive(Clone)]
pub struct Tree {
    /// The work tree.
    pub dir: PathBuf,
    /// What is checked out.
    pub commit: String,
    /// Whether there are edits that no commit holds.
    pub edited: bool,
}

/// What to do about edits found in the tree.
#[derive(Clone, Copy, PartialEq)]
pub enum Edits {
    /// Keep them: refuse to lay out anything new.
    Keep,
    /// They have been written back: replace them.
    Replace,
}

/// Lays base, patches and overlay out in `build/tree`; quick when nothing changed.
///
/// # Errors
///
/// Names the patch that does not apply, or asks for `make refresh`. The tree is then unchanged.
pub fn lay(project: &Project, base: &Base, edits: Edits) -> Result<Tree> {
    let dir = project.build("tree");
    let git = base::borrow(&base.git_dir, &dir)?;
    let stamp = dir.join(".git/superpageblock-inputs");
    let key = inputs(project, base)?;
    let head = git.commit("HEAD").ok();
    let old = fs::read_to_string(&stamp).unwrap_or_default();
    if edits == Edits::Keep {
        if let Some(head) = head.filter(|_| old == key) {
            let edited = is_edited(&git)?;
            return Ok(Tree {
                dir,
                commit: head,
                edited,
            });
        }
        refuse_edits(&git)?;
    }
    let commit = compose(project, base, &git)?;
    git.run(&["symbolic-ref", "HEAD", "refs/heads/superpageblock"])?;
    // Only files that differ are written, so that a build stays incremental.
    git.run(&["reset", "--quiet", "--hard", &commit])?;
    git.run(&["update-ref", BASE_REF, &base.commit])?;
    git.run(&["update-ref", TOP_REF, &commit])?;
    fs::write(&stamp, &key)?;
    println!(
        "tree: {} patches and the overlay on linux {}",
        patches(project)?.len(),
        base.version
    );
    Ok(Tree {
        dir,
        commit,
        edited: false,
    })
}

/// The patch stack, in order.
pub fn patches(project: &Project) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(project.root.join("patches")) else {
        return Ok(Vec::new());
    };
    let mut patches: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    patches.retain(|path| path.extension().is_some_and(|end| end == "patch"));
    patches.sort();
    Ok(patches)
}

/// What this project writes of a kernel's C: files that patches change, and the directory of new ones.
pub fn changed(project: &Project) -> Result<Vec<String>> {
    let mut changed = vec!["mm/superpageblock".to_string()];
    for patch in patches(project)? {
        changed.extend(changed_by(&fs::read_to_string(patch)?));
    }
    changed.sort();
    changed.dedup();
    Ok(changed)
}

fn changed_by(patch: &str) -> impl Iterator<Item = String> + '_ {
    let paths = patch.lines().filter_map(|line| line.strip_prefix("+++ b/"));
    paths.filter(|path| path.ends_with(".c")).map(String::from)
}

fn is_edited(git: &Git) -> Result<bool> {
    Ok(!git.run(&["status", "--porcelain"])?.is_empty())
}

fn refuse_edits(git: &Git) -> Result<()> {
    let Ok(top) = git.commit(TOP_REF) else {
        return Ok(());
    };
    if git.commit("HEAD")? != top {
        bail!("build/tree has commits of its own: run `make refresh` first");
    }
    if is_edited(git)? {
        bail!("build/tree has uncommitted edits: run `make refresh`, or drop them with git, first");
    }
    Ok(())
}

fn inputs(project: &Project, base: &Base) -> Result<String> {
    let mut hash = Fingerprint::default();
    hash.add(&base.commit);
    for patch in patches(project)? {
        hash.add(patch.file_name()).add(fs::read(&patch)?);
    }
    for file in overlay::files(project)? {
        hash.add(&file.path)
            .add(file.executable)
            .add(fs::read(&file.from)?);
    }
    hash.add(fs::read(project.root.join("MAINTAINERS")).ok());
    Ok(hash.hex())
}

/// Makes the commits without touching any work tree; returns the last one.
fn compose(project: &Project, base: &Base, git: &Git) -> Result<String> {
    let index = project.build("tree/.git/superpageblock-index");
    let git = git.with_index(index.clone());
    git.run(&["read-tree", &base.commit])?;
    // The overlay comes first: patches include its headers, and each must build.
    let mut commit = add_overlay(project, &git, &base.commit)?;
    for patch in patches(project)? {
        commit = apply(&git, &patch, &commit, base)?;
    }
    let _ = fs::remove_file(index);
    Ok(commit)
}

/// What a patch of the stack says about itself.
pub struct Mail {
    /// Who wrote it.
    pub author: String,
    /// Their address.
    pub email: String,
    /// When.
    pub date: String,
    /// Subject and body.
    pub message: String,
}

/// One patch on top of `parent`, in the index only.
fn apply(git: &Git, patch: &Path, parent: &str, base: &Base) -> Result<String> {
    let mail = stage_patch(git, patch, base)?;
    let mut make = commit_tree(git, parent)?;
    git::identity(&mut make, &mail.author, &mail.email, &mail.date);
    cmd::feed(&mut make, mail.message.as_bytes())
}

/// Puts the change of a patch into the index of `git`.
pub fn stage_patch(git: &Git, patch: &Path, base: &Base) -> Result<Mail> {
    let (mail, diff) = read_patch(git, patch)?;
    let apply = ["apply", "--cached", "--whitespace=nowarn", "-"];
    if let Err(error) = git.feed(&apply, &diff) {
        let reason = error.to_string();
        bail!(
            "{} does not apply to linux {}: {}",
            file_name(patch),
            base.version,
            reason
                .trim_start_matches("git: ")
                .trim_start_matches("error: ")
        );
    }
    Ok(mail)
}

/// Takes a patch apart into what it says and its diff.
pub fn read_patch(git: &Git, patch: &Path) -> Result<(Mail, Vec<u8>)> {
    let name = file_name(patch);
    let scratch = std::env::temp_dir().join(format!("superpageblock-{}", std::process::id()));
    fs::create_dir_all(&scratch)?;
    let (message, diff) = (scratch.join("message"), scratch.join("diff"));
    let mut split = git.command(&["mailinfo", "--encoding=UTF-8"]);
    split.arg(&message).arg(&diff);
    let mail = fs::read(patch).with_context(|| format!("cannot read {name}"))?;
    let headers = cmd::feed(&mut split, &mail).with_context(|| format!("{name} is not a mail"))?;
    let header = |key: &str| {
        headers
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .map(|value| value.trim().to_string())
    };
    let subject = header("Subject: ").with_context(|| format!("{name} has no subject"))?;
    let text = format!("{subject}\n\n{}", fs::read_to_string(&message)?);
    let diff = fs::read(&diff)?;
    let _ = fs::remove_dir_all(&scratch);
    let or = |key, default: &str| header(key).unwrap_or_else(|| default.to_string());
    let mail = Mail {
        author: or("Author: ", "superpageblock"),
        email: or("Email: ", "superpageblock@localhost"),
        date: or("Date: ", "1767225600 +0000"),
        message: text.trim_end().to_string(),
    };
    Ok((mail, diff))
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn add_overlay(project: &Project, git: &Git, parent: &str) -> Result<String> {
    let files = overlay::files(project)?;
    stage_overlay(git, &files.iter().collect::<Vec<_>>())?;
    stage_maintainers(project, git)?;
    let mut make = commit_tree(git, parent)?;
    git::identity(
        &mut make,
        "superpageblock",
        "superpageblock@localhost",
        "1767225600 +0000",
    );
    cmd::feed(&mut make, OVERLAY.as_bytes())
}

/// Puts overlay files into the index of `git`.
pub fn stage_overlay(git: &Git, files: &[&overlay::File]) -> Result<()> {
    refuse_collisions(git, files)?;
    let names: Vec<String> = files
        .iter()
        .map(|file| file.from.display().to_string())
        .collect();
    let blobs = git.feed(
        &["hash-object", "-w", "--no-filters", "--stdin-paths"],
        names.join("\n").as_bytes(),
    )?;
    let mut entries = String::new();
    for (file, blob) in files.iter().zip(blobs.lines()) {
        let mode = if file.executable { "100755" } else { "100644" };
        entries += &format!("{mode} {blob}\t{}\n", file.path);
    }
    update_index(git, &entries)
}

/// Inserts this repository's MAINTAINERS entries into the kernel's, in the index of `git`.
pub fn stage_maintainers(project: &Project, git: &Git) -> Result<()> {
    let Ok(fragment) = fs::read_to_string(project.root.join("MAINTAINERS")) else {
        return Ok(());
    };
    let all = git.run(&["show", ":MAINTAINERS"])?;
    let blob = git.feed(
        &["hash-object", "-w", "--stdin"],
        maintainers::insert(&all, &fragment).as_bytes(),
    )?;
    update_index(git, &format!("100644 {blob}\tMAINTAINERS\n"))
}

fn update_index(git: &Git, entries: &str) -> Result<()> {
    git.feed(
        &["update-index", "--add", "--index-info"],
        entries.as_bytes(),
    )?;
    Ok(())
}

/// An overlay file must be new: changes to existing files belong into patches.
fn refuse_collisions(git: &Git, files: &[&overlay::File]) -> Result<()> {
    let mut list = git.command(&["ls-files", "--"]);
    list.args(files.iter().map(|file| format!(":(literal){}", file.path)));
    let taken = if files.is_empty() {
        String::new()
    } else {
        cmd::output(&mut list)?
    };
    match taken.lines().next() {
        Some(path) => bail!("{path} exists in the kernel: change it by a patch"),
        None => Ok(()),
    }
}

/// A command that commits the index of `git` and reads the message from its standard input.
pub fn commit_tree(git: &Git, parent: &str) -> Result<std::process::Command> {
    let tree = git.run(&["write-tree"])?;
    Ok(git.command(&["commit-tree", &tree, "-p", parent, "-F", "-"]))
}
