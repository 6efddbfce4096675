// SPDX-License-Identifier: GPL-2.0-only
//! Which kernel is everything based on?

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::cmd;
use crate::fingerprint::Fingerprint;
use crate::git;
use crate::git::Git;
use crate::project::Project;
use crate::setup::Setup;

/// The unpatched kernel.
pub struct Base {
    /// Repository whose objects include `commit`.
    pub git_dir: PathBuf,
    /// Exactly the unpatched source.
    pub commit: String,
    /// `VERSION.PATCHLEVEL.SUBLEVEL`.
    pub version: String,
    /// Where the unpatched source lies checked out.
    pub source: PathBuf,
}

/// Finds the base and makes sure that it is in git.
pub fn resolve(project: &Project, setup: &Setup) -> Result<Base> {
    match &project.kdir {
        Some(kdir) => from_kdir(project, kdir),
        None => packaged(
            project,
            setup.source.as_deref().context("no kernel source")?,
        ),
    }
}

/// The packaged kernel; putting it into git takes a minute the first time.
pub fn packaged(project: &Project, source: &Path) -> Result<Base> {
    let version = version(source)?;
    let git_dir = project.cache.join(format!("base-{version}.git"));
    // The commit comes last: a repository that has one is complete.
    if !git_dir.exists() || Git::at(&git_dir).commit("HEAD").is_err() {
        cmd::step("putting the kernel source into git", || {
            import(source, &git_dir, &version, &["--force"])
        })?;
    }
    let commit = Git::at(&git_dir).commit("HEAD")?;
    Ok(Base {
        git_dir,
        commit,
        version,
        source: source.to_path_buf(),
    })
}

fn from_kdir(project: &Project, kdir: &Path) -> Result<Base> {
    let kdir = kdir
        .canonicalize()
        .with_context(|| format!("KDIR={}", kdir.display()))?;
    let version = version(&kdir)?;
    if !version.starts_with("7.2.") {
        bail!("KDIR={} is {version}, this needs 7.2", kdir.display());
    }
    let git_dir = if kdir.join(".git").exists() {
        note_edits(&kdir);
        PathBuf::from(Git::at(&kdir).run(&[
            "rev-parse",
            "--path-format=absolute",
            "--git-common-dir",
        ])?)
    } else {
        let name = Fingerprint::default().add(&kdir).hex();
        let git_dir = project.cache.join(format!("kdir-{name}.git"));
        cmd::step("putting KDIR into git", || {
            import(&kdir, &git_dir, &version, &[])
        })?;
        git_dir
    };
    let holder = if kdir.join(".git").exists() {
        &kdir
    } else {
        &git_dir
    };
    let commit = Git::at(holder).commit("HEAD")?;
    let source = project.build("base");
    check_out(&git_dir, &commit, &source)?;
    Ok(Base {
        git_dir,
        commit,
        version,
        source,
    })
}

fn note_edits(kdir: &Path) {
    if !Git::at(kdir).is(&["diff", "--quiet", "HEAD"]) {
        println!(
            "note: uncommitted changes in {} are not used",
            kdir.display()
        );
    }
}

/// Commits all of `source` into a bare repository, reading it only.
fn import(source: &Path, git_dir: &Path, version: &str, add_flags: &[&str]) -> Result<()> {
    if !git_dir.join("HEAD").exists() {
        fs::create_dir_all(git_dir)?;
        Git::at(git_dir).run(&["init", "--quiet", "--bare", "--template="])?;
    }
    let git = Git::at(git_dir);
    // Above this threshold blobs go straight into one pack, which is several times faster.
    let settings = ["-c", "core.bigFileThreshold=1", "-c", "core.fsync=none"];
    let mut add = Git::at(source).command(&settings);
    add.env("GIT_DIR", git_dir).env("GIT_WORK_TREE", source);
    cmd::output(add.args(["add", "--all"]).args(add_flags).arg("."))?;
    drop_packaging_ignores(&git, source)?;
    let tree = git.run(&["write-tree"])?;
    if git
        .run(&["rev-parse", "--quiet", "--verify", "HEAD^{tree}"])
        .is_ok_and(|old| old == tree)
    {
        return Ok(());
    }
    let mut commit = git.command(&["commit-tree", &tree, "-m", &format!("linux {version}")]);
    git::identity(
        &mut commit,
        "superpageblock",
        "superpageblock@localhost",
        "1767225600 +0000",
    );
    let commit = cmd::output(&mut commit)?;
    git.run(&["update-ref", "HEAD", &commit])?;
    Ok(())
}

/// Debian's source ignores every file at the top level, which would hide new files from git.
fn drop_packaging_ignores(git: &Git, source: &Path) -> Result<()> {
    let text = fs::read_to_string(source.join(".gitignore")).unwrap_or_default();
    let Some(at) = text.find("#\n# Debian packaging: ignore everything") else {
        return Ok(());
    };
    let blob = git.feed(&["hash-object", "-w", "--stdin"], &text.as_bytes()[..at])?;
    let entry = format!("100644,{blob},.gitignore");
    git.run(&["update-index", "--cacheinfo", &entry])?;
    Ok(())
}

/// Makes `dir` a work tree of `commit` that borrows the objects of `git_dir`.
pub fn check_out(git_dir: &Path, commit: &str, dir: &Path) -> Result<()> {
    let git = borrow(git_dir, dir)?;
    if git.commit("HEAD").is_ok_and(|head| head == commit) {
        return Ok(());
    }
    git.run(&["reset", "--quiet", "--hard", commit])?;
    Ok(())
}

/// Opens, or starts, a repository at `dir` that borrows the objects of `git_dir`.
pub fn borrow(git_dir: &Path, dir: &Path) -> Result<Git> {
    let git = Git::at(dir);
    if !dir.join(".git").exists() {
        fs::create_dir_all(dir)?;
        git.run(&[
            "init",
            "--quiet",
            "--template=",
            "--initial-branch=superpageblock",
        ])?;
        for (key, value) in [
            ("core.untrackedCache", "true"),
            ("index.version", "4"),
            ("gc.auto", "0"),
        ] {
            git.run(&["config", key, value])?;
        }
    }
    let list = dir.join(".git/objects/info/alternates");
    let mut lenders = fs::read_to_string(&list).unwrap_or_default();
    let objects = git_dir.join("objects").display().to_string();
    if !lenders.lines().any(|line| line == objects) {
        lenders.push_str(&objects);
        lenders.push('\n');
        fs::create_dir_all(dir.join(".git/objects/info"))?;
        fs::write(&list, lenders)?;
        if git_dir.join("shallow").exists() {
            fs::copy(git_dir.join("shallow"), dir.join(".git/shallow"))?;
        }
    }
    Ok(git)
}

/// Version of the kernel source in `dir`, from its Makefile.
pub fn version(dir: &Path) -> Result<String> {
    let text = fs::read_to_string(dir.join("Makefile"))
        .with_context(|| format!("{} holds no kernel source", dir.display()))?;
    let part = |key: &str| {
        text.lines()
            .take(10)
            .find_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='))
            .map(str::trim)
    };
    match (part("VERSION"), part("PATCHLEVEL"), part("SUBLEVEL")) {
        (Some(version), Some(patchlevel), Some(sublevel)) => {
            Ok(format!("{version}.{patchlevel}.{sublevel}"))
        }
        _ => bail!("{} holds no kernel source", dir.display()),
    }
}
