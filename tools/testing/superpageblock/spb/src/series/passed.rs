// SPDX-License-Identifier: GPL-2.0-only
//! Which commits of the series are known to build and to boot?

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;

use crate::fingerprint::Fingerprint;
use crate::kernel;
use crate::series::commits::Commit;
use crate::series::commits::Series;
use crate::session::Session;

/// A configuration that every commit must build with, once it is possible.
#[derive(Clone, Copy, PartialEq)]
pub enum Config {
    /// `SUPERPAGEBLOCK` is not set.
    Without,
    /// `SUPERPAGEBLOCK` and its policy are built in.
    With,
}

/// How much is built.
#[derive(Clone, Copy, PartialEq)]
pub enum Depth {
    /// mm/ and the objects of changed files.
    Quick,
    /// The kernel.
    Full,
    /// The kernel, and it runs.
    Boot,
}

/// A configuration, and how it is compiled.
#[derive(Clone, Copy, PartialEq)]
pub struct Build {
    /// The configuration.
    pub config: Config,
    /// Each file reads all headers: nothing that it forgets to include is there nevertheless.
    pub plain: bool,
}

impl Build {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match (self.config, self.plain) {
            (Config::Without, false) => "without",
            (Config::Without, true) => "without-plain",
            (Config::With, false) => "with",
            (Config::With, true) => "with-plain",
        }
    }
}

impl Depth {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Full => "full",
            Self::Boot => "boot",
        }
    }
}

/// One line on what is known of this series.
pub fn report(session: &Session, series: &Series) -> Result<String> {
    let passed = Passed::read(session)?;
    let count = |depth| -> Result<usize> {
        let mut good = 0;
        for (index, commit) in series.commits.iter().enumerate() {
            let builds = builds(series, index + 1)?;
            let deep = |build: &Build| passed.has(commit, *build, depth);
            let deep_enough = match depth {
                Depth::Quick => builds
                    .iter()
                    .all(|build| deep(build) || passed.has(commit, *build, Depth::Full)),
                Depth::Full => builds.iter().all(deep),
                Depth::Boot => builds.iter().any(deep),
            };
            good += usize::from(deep_enough);
        }
        Ok(good)
    };
    let all = series.commits.len();
    Ok(format!(
        "Of {all} commits, {} compile in mm/ and wherever they change something, {} build in full, {} were booted.",
        count(Depth::Quick)?,
        count(Depth::Full)?,
        count(Depth::Boot)?
    ))
}

/// What is built of the commit of this number, the first being 1: the configurations that exist there. The last one,
/// which has all changes to headers in it, is compiled plain.
pub fn builds(series: &Series, number: usize) -> Result<Vec<Build>> {
    let commit = &series.commits[number - 1];
    let kconfig = ["show", &format!("{}:mm/Kconfig", commit.id)];
    let configs: &[Config] = match series.git.run(&kconfig)?.contains("superpageblock/Kconfig") {
        true => &[Config::Without, Config::With],
        false => &[Config::Without],
    };
    let plain = number == series.commits.len();
    let build = |config: &Config| Build {
        config: *config,
        plain,
    };
    Ok(configs.iter().map(build).collect())
}

/// Where commits are built, and what has passed is kept.
pub fn dir(session: &Session) -> PathBuf {
    session.project.build("series-check")
}

/// Options of a configuration.
pub fn request(session: &Session, config: Config) -> Result<String> {
    let fragments: &[&str] = match config {
        Config::Without => &["base"],
        Config::With => &["base", "patched"],
    };
    kernel::fragments(&session.project, fragments)
}

/// What has passed, by content.
pub struct Passed {
    path: PathBuf,
    keys: BTreeSet<String>,
    environment: [String; 2],
}

impl Passed {
    /// Reads what is kept.
    pub fn read(session: &Session) -> Result<Self> {
        let path = dir(session).join("passed");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let environment = |config| -> Result<String> {
            Ok(request(session, config)? + &session.setup.toolchain.identity)
        };
        Ok(Self {
            path,
            keys: text.lines().map(str::to_string).collect(),
            environment: [environment(Config::Without)?, environment(Config::With)?],
        })
    }

    fn key(&self, commit: &Commit, build: Build, depth: Depth) -> String {
        let mut hash = Fingerprint::default();
        hash.add(&commit.tree).add(build.name()).add(depth.name());
        hash.add(&self.environment[usize::from(build.config == Config::With)]);
        hash.hex()
    }

    /// Whether a commit has passed so far.
    pub fn has(&self, commit: &Commit, build: Build, depth: Depth) -> bool {
        self.keys.contains(&self.key(commit, build, depth))
    }

    /// Keeps that a commit has passed.
    pub fn add(&mut self, commit: &Commit, build: Build, depth: Depth) -> Result<()> {
        self.keys.insert(self.key(commit, build, depth));
        let keys: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        write(&self.path, &keys.join("\n"))
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, format!("{text}\n")).with_context(|| format!("cannot write {}", path.display()))
}
