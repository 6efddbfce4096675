// SPDX-License-Identifier: GPL-2.0-only
//! How is git called so that the user's configuration does not matter?

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::cmd;

/// Flags of `git format-patch` under which the user's configuration does not show.
pub const PLAIN_MAIL: [&str; 12] = [
    "--no-signature",
    "--no-base",
    "--abbrev=12",
    "--no-renames",
    "--no-thread",
    "--no-notes",
    "--no-attach",
    "--no-signoff",
    "--no-add-header",
    "--no-to",
    "--no-cc",
    "--no-from",
];

/// Settings under which this program's commits and patches are reproducible.
const SETTINGS: [&str; 12] = [
    "commit.gpgsign=false",
    "core.hooksPath=/dev/null",
    "core.autocrlf=false",
    "core.quotePath=false",
    "core.compression=0",
    "core.safecrlf=false",
    "gc.auto=0",
    "diff.noprefix=false",
    "diff.mnemonicPrefix=false",
    "diff.algorithm=histogram",
    "advice.detachedHead=false",
    "rebase.updateRefs=false",
];

/// Variables a calling git (a hook, say) may have left.
const LEFTOVERS: [&str; 5] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY",
];

/// One repository and, where wanted, another index than its own.
#[derive(Clone)]
pub struct Git {
    dir: PathBuf,
    index: Option<PathBuf>,
}

impl Git {
    /// The repository with its work tree at `dir`, or the bare one there.
    pub fn at(dir: &Path) -> Self {
        Self {
            dir: dir.to_path_buf(),
            index: None,
        }
    }

    /// The same repository with a private index.
    pub fn with_index(&self, index: PathBuf) -> Self {
        Self {
            dir: self.dir.clone(),
            index: Some(index),
        }
    }

    /// A command ready to get more arguments.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        for name in LEFTOVERS {
            command.env_remove(name);
        }
        command
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .arg("-C")
            .arg(&self.dir);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        if let Some(index) = &self.index {
            command.env("GIT_INDEX_FILE", index);
        }
        command.args(args);
        command
    }

    /// Runs git and returns its output, trimmed.
    pub fn run(&self, args: &[&str]) -> Result<String> {
        cmd::output(&mut self.command(args))
    }

    /// Runs git with `input` on its standard input.
    pub fn feed(&self, args: &[&str], input: &[u8]) -> Result<String> {
        cmd::feed(&mut self.command(args), input)
    }

    /// Whether this git command succeeds.
    pub fn is(&self, args: &[&str]) -> bool {
        cmd::succeeds(&mut self.command(args))
    }

    /// The commit a name stands for.
    pub fn commit(&self, name: &str) -> Result<String> {
        self.run(&[
            "rev-parse",
            "--verify",
            "--quiet",
            &format!("{name}^{{commit}}"),
        ])
    }
}

/// Sets who and when on a command that makes a commit.
pub fn identity(command: &mut Command, name: &str, email: &str, date: &str) {
    command
        .env("GIT_AUTHOR_NAME", name)
        .env("GIT_AUTHOR_EMAIL", email)
        .env("GIT_AUTHOR_DATE", date);
    command
        .env("GIT_COMMITTER_NAME", "superpageblock")
        .env("GIT_COMMITTER_EMAIL", "superpageblock@localhost")
        .env("GIT_COMMITTER_DATE", date);
}
