// SPDX-License-Identifier: GPL-2.0-only
//! How does a kernel that measures itself come to run as a program?

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::bench::boots;
use crate::bench::boots::Configuration;
use crate::cmd;
use crate::headers::Headers;
use crate::initramfs;
use crate::kdir;
use crate::kernel;
use crate::kernel::Variant;
use crate::memory::Mib;
use crate::modules;
use crate::modules::BENCH;
use crate::session::Session;
use crate::transcript::Transcript;

/// What make calls user-mode Linux.
const ARCH: &str = "um";
/// As much as the guests have that count instructions. The host keeps it in a file system in memory.
pub const MEMORY: Mib = boots::MEMORY;
/// Seconds after which a run is ended.
const LIMIT: f64 = 300.0;

/// A kernel in user mode, with the module that measures and the program that asks it to.
pub struct Program {
    linux: PathBuf,
    initramfs: PathBuf,
}

/// Builds stock or patched, and its module.
pub fn build(session: &Session, variant: Variant) -> Result<Program> {
    let (project, toolchain) = (&session.project, &session.setup.toolchain);
    let tree = session.tree()?.dir;
    let (name, source, fragments): (_, _, &[&str]) = match variant {
        Variant::Stock => ("native-stock", &session.base.source, &["native"]),
        _ => ("native-patched", &tree, &["native", "patched"]),
    };
    let out = project.build(name);
    fs::create_dir_all(&out)?;
    let make = || {
        let mut make = toolchain.make(source);
        make.arg(format!("ARCH={ARCH}"))
            .arg(format!("O={}", out.display()))
            .arg(format!("-j{}", project.jobs));
        make
    };
    let request = kernel::fragments(project, fragments)?;
    kernel::configure(make(), &out, name, &request)?;
    let headers = Headers::of(project, toolchain, (source, &out), ARCH, name)?;
    let mut linux = make();
    headers.iter().for_each(|headers| headers.tell(&mut linux));
    let log = project.build(format!("log/{name}.log"));
    let label = format!("{name} kernel");
    cmd::logged(
        linux.args(["vmlinux", "linux"]),
        &log,
        &label,
        "lines",
        |_| true,
    )?;
    cmd::output(make().args(["-s", "modules_prepare"]))?;
    let kernel = kdir::own(&out, ARCH)?;
    modules::build((project, toolchain), &kernel, &tree, &BENCH, name)?;
    Ok(Program {
        linux: out.join("linux"),
        initramfs: initramfs::scenarios(project, &BENCH.modules(project, name))?,
    })
}

impl Program {
    /// Runs it once as one of the configurations, and keeps its console.
    ///
    /// # Errors
    ///
    /// If the kernel complained, a row failed, or it is not what it is to be.
    pub fn run(
        &self,
        session: &Session,
        configuration: &Configuration,
        round: u64,
    ) -> Result<Transcript> {
        let mut linux = Command::new("timeout");
        linux
            .args(["--kill-after=5", &LIMIT.to_string()])
            .arg(&self.linux)
            .arg(format!("mem={MEMORY}"))
            .args(["console=tty", "panic=-1", "kunit.enable=0"])
            .arg(format!("initrd={}", self.initramfs.display()))
            // To fragment memory takes too long where each page fault is a signal.
            .args(["spb.scenario=bench", "spb.seed=1", "spb.arg.fresh=1"])
            .args(configuration.cmdline.split_whitespace());
        let start = Instant::now();
        let done = cmd::raw(&mut linux)?;
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        let log = format!("log/native-{}-{round}.console", configuration.name);
        let log = session.project.build(log);
        fs::write(&log, &text)?;
        let mut transcript = Transcript::default();
        for line in text.lines() {
            transcript.take(line.trim_end());
        }
        transcript.seconds = start.elapsed().as_secs_f64();
        transcript.timed_out = transcript.seconds >= LIMIT;
        judge(&transcript, configuration)
            .with_context(|| format!("its console is in {}", log.display()))?;
        Ok(transcript)
    }
}

fn judge(transcript: &Transcript, configuration: &Configuration) -> Result<()> {
    if let Some(reason) = transcript.failure() {
        bail!("{reason}");
    }
    boots::says(transcript, configuration.console)?;
    let failed = transcript.cases.iter().find(|case| case.failure.is_some());
    match failed {
        Some(case) => bail!("{}: {}", case.name, case.failure.as_deref().unwrap_or("")),
        None => Ok(()),
    }
}
