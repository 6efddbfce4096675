// SPDX-License-Identifier: GPL-2.0-only
//! How do edits made in `build/tree` get back into this repository?

use std::fs;
use std::path::Path;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::base::Base;
use crate::cmd;
use crate::git::Git;
use crate::git::PLAIN_MAIL;
use crate::overlay;
use crate::project::Project;
use crate::tree;
use crate::tree::Edits;
use crate::tree::BASE_REF;
use crate::tree::TOP_REF;

/// What an uncommitted or committed change means for the repository.
struct Change {
    path: String,
    /// Whether the path exists in the base.
    in_kernel: bool,
}

/// Writes commits back to `patches/` and overlay files to their place, then lays the tree out anew.
///
/// # Errors
///
/// Says what stands in the way; neither the tree nor the repository is then changed.
pub fn refresh(project: &Project, base: &Base) -> Result<()> {
    let dir = project.build("tree");
    let git = Git::at(&dir);
    let (Ok(bottom), Ok(top)) = (git.commit(BASE_REF), git.commit(TOP_REF)) else {
        bail!("there is no build/tree to refresh from: run `make tree` first");
    };
    if bottom != base.commit {
        bail!("build/tree is based on another kernel: use the KDIR= it was made with");
    }
    git.run(&["update-ref", "refs/superpageblock/before-refresh", "HEAD"])?;
    refuse_uncommitted(&git, &bottom)?;
    squash_fixups(&git, &bottom)?;
    let commits = patch_commits(&git, &bottom)?;
    let overlay = overlay_edits(project, &git, &dir, &bottom, &top)?;
    write_patches(project, &git, &commits)?;
    copy_back(project, &dir, &overlay)?;
    tree::lay(project, base, Edits::Replace)?;
    println!(
        "refresh: {} patches, {} overlay files taken back",
        commits.len(),
        overlay.len()
    );
    Ok(())
}

/// Uncommitted edits are fine in overlay files only: no patch would take up the others.
fn refuse_uncommitted(git: &Git, base: &str) -> Result<()> {
    let edited = lines(&git.run(&["diff", "--name-only", "--no-renames", "HEAD"])?);
    match classify(git, base, edited)?.iter().find(|change| change.in_kernel) {
        Some(change) => bail!(
            "{} is edited but not committed: `git commit --fixup=<patch>` or a new commit in build/tree",
            change.path
        ),
        None => Ok(()),
    }
}

fn squash_fixups(git: &Git, base: &str) -> Result<()> {
    let subjects = git.run(&["log", "--format=%s", &format!("{base}..HEAD")])?;
    let marks = ["fixup! ", "squash! ", "amend! "];
    if !subjects
        .lines()
        .any(|subject| marks.iter().any(|mark| subject.starts_with(mark)))
    {
        return Ok(());
    }
    let mut rebase = git.command(&[
        "rebase",
        "--interactive",
        "--autosquash",
        "--autostash",
        base,
    ]);
    rebase
        .env("GIT_SEQUENCE_EDITOR", ":")
        .env("GIT_EDITOR", ":")
        .env("GIT_COMMITTER_NAME", "superpageblock")
        .env("GIT_COMMITTER_EMAIL", "superpageblock@localhost");
    if !cmd::succeeds(&mut rebase) {
        git.run(&["rebase", "--abort"])?;
        bail!("the fixup! commits do not squash cleanly: do that rebase by hand in build/tree");
    }
    Ok(())
}

/// Commits that become patches, oldest first.
fn patch_commits(git: &Git, base: &str) -> Result<Vec<String>> {
    let log = git.run(&[
        "log",
        "--reverse",
        "--format=%H %s",
        &format!("{base}..HEAD"),
    ])?;
    let mut commits = Vec::new();
    for line in log.lines() {
        let (commit, subject) = line.split_once(' ').unwrap_or((line, ""));
        if subject == tree::OVERLAY {
            continue;
        }
        let files = git.run(&[
            "diff-tree",
            "--no-commit-id",
            "--name-only",
            "--no-renames",
            "-r",
            commit,
        ])?;
        let changes = classify(git, base, lines(&files))?;
        let kernel = changes.iter().filter(|change| change.in_kernel).count();
        if kernel != 0 && kernel != changes.len() {
            bail!("commit \"{subject}\" changes kernel and overlay files: split it in build/tree");
        }
        if kernel != 0 {
            commits.push(commit.to_string());
        }
    }
    Ok(commits)
}

/// Overlay files that differ from what was laid out last.
fn overlay_edits(
    project: &Project,
    git: &Git,
    dir: &Path,
    base: &str,
    top: &str,
) -> Result<Vec<String>> {
    let mut paths = lines(&git.run(&["diff", "--name-only", "--no-renames", top])?);
    paths.extend(lines(&git.run(&[
        "ls-files",
        "--others",
        "--exclude-standard",
    ])?));
    let mut edits = Vec::new();
    for change in classify(git, base, paths)? {
        if change.in_kernel {
            continue;
        }
        if !overlay::covers(&change.path) {
            bail!(
                "{} is no place for an overlay file: move it or delete it",
                change.path
            );
        }
        let before = git.command(&["show", &format!("{top}:{}", change.path)]);
        refuse_both_sides(project, dir, &change.path, before)?;
        edits.push(change.path);
    }
    Ok(edits)
}

/// A file changed here and in the tree must be merged by a person.
fn refuse_both_sides(
    project: &Project,
    dir: &Path,
    path: &str,
    mut before: std::process::Command,
) -> Result<()> {
    let shown = cmd::raw(&mut before)?;
    let before = shown.status.success().then_some(shown.stdout);
    let here = fs::read(project.root.join(path)).ok();
    if here != before && here != fs::read(dir.join(path)).ok() {
        bail!(
            "{path} was changed both in build/tree and in this repository: make them equal first"
        );
    }
    Ok(())
}

fn write_patches(project: &Project, git: &Git, commits: &[String]) -> Result<()> {
    let patches = project.root.join("patches");
    fs::create_dir_all(&patches)?;
    let mut names = Vec::new();
    for (number, commit) in commits.iter().enumerate() {
        let start = format!("--start-number={}", number + 1);
        let mut format = git.command(&[
            "-c",
            "format.attach=false",
            "format-patch",
            "-1",
            "--stdout",
        ]);
        format
            .args(["--zero-commit", "--no-numbered", "--no-cover-letter"])
            .arg("--subject-prefix=PATCH")
            .args(PLAIN_MAIL)
            .args([&start, commit]);
        let done = cmd::raw(&mut format)?;
        if !done.status.success() {
            bail!("git format-patch: {}", cmd::complaint(&done));
        }
        let subject = git.run(&["log", "-1", "--format=%f", commit])?;
        let name = format!(
            "{:04}-{}.patch",
            number + 1,
            subject.chars().take(52).collect::<String>()
        );
        let path = patches.join(&name);
        if fs::read(&path).ok().as_deref() != Some(done.stdout.as_slice()) {
            fs::write(&path, &done.stdout).with_context(|| format!("cannot write {name}"))?;
            println!("refresh: {name}");
        }
        names.push(path);
    }
    for stale in tree::patches(project)?
        .iter()
        .filter(|path| !names.contains(path))
    {
        fs::remove_file(stale)?;
    }
    Ok(())
}

fn copy_back(project: &Project, dir: &Path, paths: &[String]) -> Result<()> {
    for path in paths {
        let (from, to) = (dir.join(path), project.root.join(path));
        if from.exists() {
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::copy(&from, &to).with_context(|| format!("cannot write {path}"))?;
        } else if to.exists() {
            fs::remove_file(&to)?;
        }
        println!("refresh: {path}");
    }
    Ok(())
}

/// Sorts paths into those of the base kernel and new ones.
fn classify(git: &Git, base: &str, paths: Vec<String>) -> Result<Vec<Change>> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let mut list = git.command(&[
        "--literal-pathspecs",
        "ls-tree",
        "-r",
        "--name-only",
        base,
        "--",
    ]);
    let known = lines(&cmd::output(list.args(&paths))?);
    let change = |path: String| Change {
        in_kernel: known.contains(&path),
        path,
    };
    Ok(paths.into_iter().map(change).collect())
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_string).collect()
}
