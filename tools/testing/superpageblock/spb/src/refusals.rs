// SPDX-License-Identifier: GPL-2.0-only
//! Is a machine or a tree that cannot be used refused with one line that says why?

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::ensure;
use anyhow::Context;
use anyhow::Result;

use crate::cases::Cases;
use crate::cmd;
use crate::git;
use crate::git::Git;
use crate::project::Project;
use crate::project::TOOLS;
use crate::setup;

/// A tree given as `KDIR`, and what must be said about it.
struct Tree {
    name: &'static str,
    command: &'static str,
    /// Its Makefile; none for a tree that does not exist.
    makefile: Option<&'static str>,
    words: &'static [&'static str],
}

const LINUX_7_2: &str = "VERSION = 7\nPATCHLEVEL = 2\nSUBLEVEL = 12\n";

const TREES: [Tree; 6] = [
    Tree {
        name: "tree that does not exist",
        command: "tree",
        makefile: None,
        words: &["KDIR=", "No such file"],
    },
    Tree {
        name: "tree without a kernel",
        command: "tree",
        makefile: Some("all:\n"),
        words: &["holds no kernel source"],
    },
    Tree {
        name: "tree of another version",
        command: "tree",
        makefile: Some("VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 3\n"),
        words: &["KDIR=", "6.12.3", "needs 7.2"],
    },
    Tree {
        name: "tree that the patches do not fit",
        command: "tree",
        makefile: Some(LINUX_7_2),
        words: &["0001-", ".patch does not apply to linux 7.2.12"],
    },
    Tree {
        name: "modules for a directory that does not exist",
        command: "modules",
        makefile: None,
        words: &["KDIR=", "does not exist"],
    },
    Tree {
        name: "modules for an unpatched kernel",
        command: "modules",
        makefile: Some(LINUX_7_2),
        words: &["KDIR=", "apply the patches"],
    },
];

/// Tries everything, in a project of its own below `build/refusals`.
pub fn test(project: &Project, cases: &Cases) {
    let dir = project.build("refusals");
    for tree in &TREES {
        let result = prepare(project, &dir).and_then(|()| refuse_tree(&dir, tree));
        cases.record(&format!("refused: {}", tree.name), result);
    }
    for (package, program) in [
        ("clang-19", "clang-19"),
        ("qemu-system-x86", "qemu-system-x86_64"),
    ] {
        let result = prepare(project, &dir).and_then(|()| refuse_without(&dir, package, program));
        cases.record(&format!("refused: a machine without {program}"), result);
    }
    cases.record(
        "refused: a machine without rustc",
        refuse_without_rust(project, &dir),
    );
    let _ = fs::remove_dir_all(dir);
}

/// A repository with nothing but patches and tools.
fn prepare(project: &Project, dir: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(dir);
    let tools = dir.join("project").join(TOOLS);
    tools.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::create_dir_all(dir.join("bin"))?;
    symlink(project.root.join(TOOLS), tools)?;
    symlink(project.root.join("patches"), dir.join("project/patches"))?;
    Ok(())
}

fn refuse_tree(dir: &Path, tree: &Tree) -> Result<()> {
    let kdir = dir.join("kernel");
    if let Some(makefile) = tree.makefile {
        fs::create_dir_all(&kdir)?;
        fs::write(kdir.join("Makefile"), makefile)?;
        commit(&kdir)?;
    }
    let mut spb = this_program(dir)?;
    refused(spb.arg(tree.command).env("KDIR", &kdir), tree.words)
}

fn commit(dir: &Path) -> Result<()> {
    let git = Git::at(dir);
    git.run(&["init", "--quiet", "--template="])?;
    git.run(&["add", "--all"])?;
    let mut commit = git.command(&["commit", "--quiet", "-m", "linux"]);
    git::identity(
        &mut commit,
        "superpageblock",
        "superpageblock@localhost",
        "1767225600 +0000",
    );
    cmd::output(&mut commit).map(drop)
}

/// Without a way to install it, the missing package is named.
fn refuse_without(dir: &Path, package: &str, program: &str) -> Result<()> {
    let bin = dir.join("bin");
    for needed in setup::programs().filter(|needed| *needed != program) {
        if let Some(path) = find(needed) {
            symlink(path, bin.join(needed))?;
        }
    }
    let mut spb = this_program(dir)?;
    spb.arg("setup").env("PATH", &bin).env_remove("KDIR");
    refused(&mut spb, &["please install", package])
}

fn refuse_without_rust(project: &Project, dir: &Path) -> Result<()> {
    prepare(project, dir)?;
    let bin = dir.join("bin");
    for needed in ["sh", "cut"] {
        symlink(
            find(needed).with_context(|| format!("no {needed}"))?,
            bin.join(needed),
        )?;
    }
    let mut make = Command::new(find("make").context("no make")?);
    make.args(["--no-print-directory", "rust", "SHELL=sh", "-C"])
        .arg(&project.root);
    make.env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .env("PATH", &bin);
    let done = cmd::raw(&mut make)?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    ensure!(!done.status.success(), "it was not refused");
    ensure!(
        text.lines().next() == Some("error: this needs cargo and rustc 1.85 or newer on PATH"),
        "it said: {}",
        text.trim()
    );
    Ok(())
}

/// This program, run in the repository of the test.
fn this_program(dir: &Path) -> Result<Command> {
    let mut spb = Command::new(env::current_exe()?);
    spb.current_dir(dir.join("project"));
    Ok(spb)
}

fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut all = env::split_paths(&path).map(|dir| dir.join(program));
    all.find(|path| path.is_file())
}

/// `spb` must fail, with one line that has all of `words`.
fn refused(spb: &mut Command, words: &[&str]) -> Result<()> {
    let done = cmd::raw(spb)?;
    let text = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(!done.status.success(), "it was not refused");
    let said = text.trim();
    let fits = said.starts_with("error: ") && words.iter().all(|word| said.contains(word));
    ensure!(fits && !said.contains('\n'), "it said: {said}");
    Ok(())
}
