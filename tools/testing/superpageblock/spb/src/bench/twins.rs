// SPDX-License-Identifier: GPL-2.0-only
//! What do two kernels report that do the same on machines whose clocks count instructions?

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::anyhow;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::kernel::Variant;
use crate::memory::Mib;
use crate::session::Boot;
use crate::session::Session;
use crate::together;
use crate::transcript::Transcript;

/// The clock counts what all processors execute. Nearly all memory is in one zone.
const MACHINE: &str = "-icount shift=0,sleep=off -seed 1 -rtc base=2026-01-01,clock=vm \
                       -machine max-ram-below-4g=1G";
/// Time limit of a guest.
const LIMIT: Duration = Duration::from_secs(3600);

/// What both kernels do.
pub struct Work<'a> {
    /// Stock and patched.
    pub kernels: [Variant; 2],
    /// Scenario of the guest program.
    pub scenario: &'a str,
    /// What it is told besides.
    pub arguments: &'a [(&'a str, &'a str)],
    /// Memory of each guest.
    pub memory: Mib,
    /// Processors of each guest.
    pub processors: u32,
}

/// Boots both at the same time, and prints `figures` of what they report side by side.
pub fn compare(session: &Session, title: &str, work: &Work, figures: &[&str]) -> Result<()> {
    let [stock, patched] = boot_both(session, work)?;
    println!(
        "\n{title:24}{:>16}{:>16}{:>10}",
        "stock", "patched", "ratio"
    );
    for name in figures {
        let (before, after) = (figure(&stock, name)?, figure(&patched, name)?);
        println!(
            "{name:24}{before:>16.2}{after:>16.2}{:>10.3}",
            after / before
        );
    }
    Ok(())
}

fn boot_both(session: &Session, work: &Work) -> Result<[Transcript; 2]> {
    let both = together::each(work.kernels, |variant| boot(session, variant, work));
    let both: Vec<Transcript> = both.into_iter().collect::<Result<_>>()?;
    both.try_into().map_err(|_| anyhow!("not two guests"))
}

fn boot(session: &Session, variant: Variant, work: &Work) -> Result<Transcript> {
    let processors = work.processors;
    let machine = format!("-smp {processors},sockets={processors} {MACHINE}");
    let arguments = work.arguments.iter();
    let transcript = session.boot(&Boot {
        name: None,
        variant,
        scenario: work.scenario.to_string(),
        seed: 1,
        arguments: BTreeMap::from_iter(arguments.map(|&(key, value)| (key.into(), value.into()))),
        cmdline: "norandmaps".to_string(),
        memory: work.memory,
        nodes: 1,
        maxmem: None,
        extra: machine.split_whitespace().map(String::from).collect(),
        disks: Vec::new(),
        timeout: LIMIT,
    })?;
    match transcript.failure() {
        Some(reason) => bail!("{}: {reason}; the console is in build/log", variant.name()),
        None => Ok(transcript),
    }
}

fn figure(transcript: &Transcript, name: &str) -> Result<f64> {
    let text = transcript.values.get(name);
    let text = text.with_context(|| format!("the guest did not report {name}"))?;
    text.parse().with_context(|| format!("{name} is '{text}'"))
}
