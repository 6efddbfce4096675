// SPDX-License-Identifier: GPL-2.0-only
//! Does every commit build, and do the first, the middle and the last one boot?
//!
//! One work tree goes through the commits in order, so that builds are
//! incremental. What has passed is remembered by content and not done again.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::anyhow;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::base;
use crate::cmd;
use crate::git::Git;
use crate::headers::Headers;
use crate::initramfs;
use crate::kconfig;
use crate::lock::Lock;
use crate::memory::Mib;
use crate::qemu::Guest;
use crate::series::commits::Commit;
use crate::series::commits::Series;
use crate::series::passed::builds;
use crate::series::passed::dir;
use crate::series::passed::report;
use crate::series::passed::request;
use crate::series::passed::Build;
use crate::series::passed::Config;
use crate::series::passed::Depth;
use crate::series::passed::Passed;
use crate::session::Session;

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
    // From here on nothing is shared with other commands but objects of git, and the list of what is changed.
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
        let builds = builds(&series, number)?;
        for build in &builds {
            let depth = if quick { Depth::Quick } else { Depth::Full };
            checker.step(number, *build, depth)?;
        }
        if !quick && [1, count.div_ceil(2), count].contains(&number) {
            let best = *builds.last().context("no configuration")?;
            checker.step(number, best, Depth::Boot)?;
        }
    }
    println!("series-check: {}", report(session, &series)?);
    Ok(())
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

    fn step(&mut self, number: usize, build: Build, depth: Depth) -> Result<()> {
        let series = self.series;
        let commit = &series.commits[number - 1];
        let name = format!(
            "{number}/{} {} {}",
            series.commits.len(),
            build.name(),
            depth.name()
        );
        let known = self.passed.has(commit, build, depth);
        if !known {
            self.git.run(&["reset", "--quiet", "--hard", &commit.id])?;
            self.prove(number, commit, build, depth)
                .with_context(|| format!("{name}: {}", commit.subject))?;
            self.passed.add(commit, build, depth)?;
        }
        let mark = if known { "ok (as before)" } else { "ok" };
        println!("{mark} {name}: {}", commit.subject);
        Ok(())
    }

    fn prove(&self, number: usize, commit: &Commit, build: Build, depth: Depth) -> Result<()> {
        let targets = match depth {
            Depth::Quick => targets(&self.changed(commit)?),
            _ => ["bzImage", "vmlinux"].map(str::to_string).to_vec(),
        };
        if targets.is_empty() {
            return Ok(());
        }
        self.configure(build)?;
        self.compile(number, build, &targets)?;
        if depth == Depth::Boot {
            self.boot(number, build)?;
        }
        Ok(())
    }

    fn changed(&self, commit: &Commit) -> Result<Vec<String>> {
        let range = format!("{}^", commit.id);
        let names = ["diff", "--name-only", "--no-renames", &range, &commit.id];
        Ok(self.git.run(&names)?.lines().map(str::to_string).collect())
    }

    /// As deep below `build/` as every kernel's: the compiler cache may hand out lists of headers, which have relative
    /// paths, to any kernel with the same file.
    fn out(&self, build: Build) -> PathBuf {
        let name = format!("series-{}", build.name());
        self.session.project.build(name)
    }

    fn make(&self, build: Build) -> std::process::Command {
        let mut make = self.session.setup.toolchain.make(&self.tree);
        make.arg(format!("O={}", self.out(build).display()));
        make
    }

    /// Writes `.config`; options that only later commits have are left out by Kconfig.
    fn configure(&self, build: Build) -> Result<()> {
        let out = self.out(build);
        fs::create_dir_all(&out)?;
        let wanted = out.join("superpageblock.config");
        fs::write(&wanted, request(self.session, build.config)?)?;
        let mut make = self.make(build);
        cmd::output(
            make.args(["-s", "allnoconfig"])
                .env("KCONFIG_ALLCONFIG", &wanted),
        )?;
        let found = kconfig::parse(&fs::read_to_string(out.join(".config"))?);
        for symbol in ["SUPERPAGEBLOCK", "SUPERPAGEBLOCK_POLICY"] {
            let value = found.get(symbol).map_or("n", String::as_str);
            if (value == "y") != (build.config == Config::With) {
                bail!(
                    "CONFIG_{symbol} is {value} in the configuration '{}'",
                    build.name()
                );
            }
        }
        Ok(())
    }

    fn compile(&self, number: usize, build: Build, targets: &[String]) -> Result<()> {
        let (project, toolchain) = (&self.session.project, &self.session.setup.toolchain);
        let out = self.out(build);
        let name = format!("series-{}", build.name());
        let headers = match build.plain {
            true => None,
            false => Headers::of(project, toolchain, (&self.tree, &out), "x86", &name)?,
        };
        let mut make = self.make(build);
        make.arg(format!("-j{}", project.jobs)).args(targets);
        headers.iter().for_each(|headers| headers.tell(&mut make));
        let log = format!("log/series-{number}-{}.log", build.name());
        let log = project.build(log);
        let label = format!("commit {number}, {}", build.name());
        cmd::logged(&mut make, &log, &label, "objects", |line| {
            matches!(
                line.split_whitespace().next(),
                Some("CC" | "AS" | "RUSTC" | "LD" | "AR")
            )
        })?;
        let mut text = fs::read_to_string(&log)?;
        if headers.is_some() {
            text += &fs::read_to_string(project.build(format!("log/{name}-headers.log")))?;
        }
        match text.lines().find(|line| line.contains("warning:")) {
            Some(line) => bail!("it builds with a warning: {line}"),
            None => Ok(()),
        }
    }

    fn boot(&self, number: usize, build: Build) -> Result<()> {
        let guest = Guest {
            name: format!("series {number}"),
            kernel: self.out(build).join("arch/x86/boot/bzImage"),
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
