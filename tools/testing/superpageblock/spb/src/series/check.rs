// SPDX-License-Identifier: GPL-2.0-only
//! Does every commit build, and do the first, the middle and the last one boot?
//!
//! One work tree goes through the commits in order, so that builds are
//! incremental. What has passed is remembered by content and not done again.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::anyhow;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::base;
use crate::cmd;
use crate::fingerprint::Fingerprint;
use crate::git::Git;
use crate::initramfs;
use crate::kconfig;
use crate::lock::Lock;
use crate::memory::Mib;
use crate::qemu::Guest;
use crate::series::commits::Commit;
use crate::series::commits::Series;
use crate::session::Session;

/// A configuration that every commit must build with, once it is possible.
#[derive(Clone, Copy, PartialEq)]
enum Config {
    /// `SUPERPAGEBLOCK` is not set.
    Without,
    /// `SUPERPAGEBLOCK` and its policy are built in.
    With,
}

/// How much is built.
#[derive(Clone, Copy, PartialEq)]
enum Depth {
    /// mm/ and the objects of changed files.
    Quick,
    /// The kernel.
    Full,
    /// The kernel, and it runs.
    Boot,
}

/// Numbers of commits, the first being 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    first: usize,
    last: usize,
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if 0 < first && first <= last => Ok(Self { first, last }),
            _ => Err("say a commit's number, or FIRST-LAST".to_string()),
        }
    }
}

/// Builds the commits of `span`, all by default.
///
/// # Errors
///
/// Names the first commit and configuration that does not build or boot.
pub fn check(session: &mut Session, quick: bool, span: Option<Span>) -> Result<()> {
    let series = super::unsigned(session)?;
    // From here on nothing is shared with other commands but objects of git.
    session.unlock();
    let session = &*session;
    let _lock = Lock::take(dir(session).join("lock"))?;
    let count = series.commits.len();
    let span = span.unwrap_or(Span {
        first: 1,
        last: count,
    });
    if span.last > count {
        bail!("there is no commit {}: the series has {count}", span.last);
    }
    let mut checker = Checker::new(session, &series)?;
    for number in span.first..=span.last {
        for config in possible(&series.git, &series.commits[number - 1])? {
            let depth = if quick { Depth::Quick } else { Depth::Full };
            checker.step(number, config, depth)?;
        }
        if !quick && [1, count.div_ceil(2), count].contains(&number) {
            let configs = possible(&series.git, &series.commits[number - 1])?;
            let best = *configs.last().context("no configuration")?;
            checker.step(number, best, Depth::Boot)?;
        }
    }
    println!("series-check: {}", report(session, &series)?);
    Ok(())
}

/// One line on what is known of this series.
pub fn report(session: &Session, series: &Series) -> Result<String> {
    let passed = Passed::read(session)?;
    let count = |depth| -> Result<usize> {
        let mut good = 0;
        for commit in &series.commits {
            let configs = possible(&series.git, commit)?;
            let deep = |c: &Config| passed.has(commit, *c, depth);
            let deep_enough = match depth {
                Depth::Quick => configs
                    .iter()
                    .all(|c| deep(c) || passed.has(commit, *c, Depth::Full)),
                Depth::Full => configs.iter().all(deep),
                Depth::Boot => configs.iter().any(deep),
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

/// The configurations that exist at a commit.
fn possible(git: &Git, commit: &Commit) -> Result<Vec<Config>> {
    let kconfig = git.run(&["show", &format!("{}:mm/Kconfig", commit.id)])?;
    if kconfig.contains("superpageblock/Kconfig") {
        Ok(vec![Config::Without, Config::With])
    } else {
        Ok(vec![Config::Without])
    }
}

struct Checker<'a> {
    session: &'a Session,
    series: &'a Series,
    tree: PathBuf,
    git: Git,
    passed: Passed,
}

impl<'a> Checker<'a> {
    fn new(session: &'a Session, series: &'a Series) -> Result<Self> {
        let tree = dir(session).join("tree");
        let lender = session.project.build("tree/.git");
        Ok(Self {
            session,
            series,
            git: base::borrow(&lender, &tree)?,
            tree,
            passed: Passed::read(session)?,
        })
    }

    fn step(&mut self, number: usize, config: Config, depth: Depth) -> Result<()> {
        let series = self.series;
        let commit = &series.commits[number - 1];
        let name = format!(
            "{number}/{} {} {}",
            series.commits.len(),
            config.name(),
            depth.name()
        );
        let known = self.passed.has(commit, config, depth);
        if !known {
            self.git.run(&["reset", "--quiet", "--hard", &commit.id])?;
            self.prove(number, commit, config, depth)
                .with_context(|| format!("{name}: {}", commit.subject))?;
            self.passed.add(commit, config, depth)?;
        }
        let mark = if known { "ok (as before)" } else { "ok" };
        println!("{mark} {name}: {}", commit.subject);
        Ok(())
    }

    fn prove(&self, number: usize, commit: &Commit, config: Config, depth: Depth) -> Result<()> {
        let targets = match depth {
            Depth::Quick => targets(&self.changed(commit)?),
            _ => ["bzImage", "vmlinux"].map(str::to_string).to_vec(),
        };
        if targets.is_empty() {
            return Ok(());
        }
        self.configure(config)?;
        self.compile(number, config, &targets)?;
        if depth == Depth::Boot {
            self.boot(number, config)?;
        }
        Ok(())
    }

    fn changed(&self, commit: &Commit) -> Result<Vec<String>> {
        let range = format!("{}^", commit.id);
        let names = ["diff", "--name-only", "--no-renames", &range, &commit.id];
        Ok(self.git.run(&names)?.lines().map(str::to_string).collect())
    }

    fn out(&self, config: Config) -> PathBuf {
        dir(self.session).join(config.name())
    }

    fn make(&self, config: Config) -> std::process::Command {
        let mut make = self.session.setup.toolchain.make(&self.tree);
        make.arg(format!("O={}", self.out(config).display()));
        make
    }

    /// Writes `.config`; options that only later commits have are left out by Kconfig.
    fn configure(&self, config: Config) -> Result<()> {
        let out = self.out(config);
        fs::create_dir_all(&out)?;
        let wanted = out.join("superpageblock.config");
        fs::write(&wanted, request(self.session, config)?)?;
        let mut make = self.make(config);
        cmd::output(
            make.args(["-s", "allnoconfig"])
                .env("KCONFIG_ALLCONFIG", &wanted),
        )?;
        let found = kconfig::parse(&fs::read_to_string(out.join(".config"))?);
        for symbol in ["SUPERPAGEBLOCK", "SUPERPAGEBLOCK_POLICY"] {
            let value = found.get(symbol).map_or("n", String::as_str);
            if (value == "y") != (config == Config::With) {
                bail!(
                    "CONFIG_{symbol} is {value} in the configuration '{}'",
                    config.name()
                );
            }
        }
        Ok(())
    }

    fn compile(&self, number: usize, config: Config, targets: &[String]) -> Result<()> {
        let mut make = self.make(config);
        make.arg(format!("-j{}", self.session.project.jobs))
            .args(targets);
        let log = format!("log/series-{number}-{}.log", config.name());
        let log = self.session.project.build(log);
        let label = format!("commit {number}, {}", config.name());
        cmd::logged(&mut make, &log, &label, "objects", |line| {
            matches!(
                line.split_whitespace().next(),
                Some("CC" | "AS" | "RUSTC" | "LD" | "AR")
            )
        })?;
        let text = fs::read_to_string(&log)?;
        match text.lines().find(|line| line.contains("warning:")) {
            Some(line) => bail!("it builds with a warning: {line}"),
            None => Ok(()),
        }
    }

    fn boot(&self, number: usize, config: Config) -> Result<()> {
        let guest = Guest {
            name: format!("series {number}"),
            kernel: self.out(config).join("arch/x86/boot/bzImage"),
            initramfs: initramfs::scenarios(&self.session.project, &[])?,
            memory: Mib::gib(4),
            cpus: 2,
            nodes: 1,
            maxmem: None,
            cmdline: "spb.scenario=smoke spb.seed=1".to_string(),
            disks: Vec::new(),
            extra: Vec::new(),
            timeout: Duration::from_secs(240),
        };
        let log = self
            .session
            .project
            .build(format!("log/series-{number}.console"));
        let transcript = guest.boot(self.session.accel, &log, self.session.verbose)?;
        match transcript.failure() {
            None => Ok(()),
            Some(reason) => Err(anyhow!("{reason}; the console is in {}", log.display())),
        }
    }
}

impl Config {
    fn name(self) -> &'static str {
        match self {
            Self::Without => "without",
            Self::With => "with",
        }
    }
}

impl Depth {
    fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Full => "full",
            Self::Boot => "boot",
        }
    }
}

fn dir(session: &Session) -> PathBuf {
    session.project.build("series-check")
}

fn request(session: &Session, config: Config) -> Result<String> {
    let fragments: &[&str] = match config {
        Config::Without => &["base"],
        Config::With => &["base", "patched"],
    };
    let mut request = String::new();
    for fragment in fragments {
        let path = session
            .project
            .tools("configs")
            .join(format!("{fragment}.config"));
        request += &fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
    }
    Ok(request)
}

/// What to build for a quick look at a change of `paths`.
fn targets(paths: &[String]) -> Vec<String> {
    let mut targets = BTreeSet::new();
    for path in paths {
        if path.starts_with("mm/") || path.starts_with("include/") || path.starts_with("rust/") {
            targets.insert("mm/".to_string());
        } else if path.starts_with("tools/") || path.starts_with("Documentation/") {
            continue;
        } else if let Some(stem) = path.strip_suffix(".c") {
            targets.insert(format!("{stem}.o"));
        }
    }
    targets.into_iter().collect()
}

/// What has passed, by content.
struct Passed {
    path: PathBuf,
    keys: BTreeSet<String>,
    environment: [String; 2],
}

impl Passed {
    fn read(session: &Session) -> Result<Self> {
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

    fn key(&self, commit: &Commit, config: Config, depth: Depth) -> String {
        let mut hash = Fingerprint::default();
        hash.add(&commit.tree).add(config.name()).add(depth.name());
        hash.add(&self.environment[usize::from(config == Config::With)]);
        hash.hex()
    }

    fn has(&self, commit: &Commit, config: Config, depth: Depth) -> bool {
        self.keys.contains(&self.key(commit, config, depth))
    }

    fn add(&mut self, commit: &Commit, config: Config, depth: Depth) -> Result<()> {
        self.keys.insert(self.key(commit, config, depth));
        let keys: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        write(&self.path, &keys.join("\n"))
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, format!("{text}\n")).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_or_two() {
        assert_eq!("3".parse(), Ok(Span { first: 3, last: 3 }));
        assert_eq!("1-8".parse(), Ok(Span { first: 1, last: 8 }));
        for bad in ["0", "8-1", "a", "1-", ""] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn quick_builds_mm_and_what_is_touched_elsewhere() {
        let paths = [
            "include/linux/mmzone.h",
            "kernel/vmcore_info.c",
            "tools/x.c",
            "MAINTAINERS",
        ];
        let paths: Vec<String> = paths.map(str::to_string).to_vec();
        assert_eq!(targets(&paths), ["kernel/vmcore_info.o", "mm/"]);
        assert!(targets(&paths[2..]).is_empty());
    }
}
