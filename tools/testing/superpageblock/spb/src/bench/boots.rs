// SPDX-License-Identifier: GPL-2.0-only
//! Which guests are measured, and how do they come to do the same each time?

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::bench::counts;
use crate::bench::counts::Counts;
use crate::kernel::Variant;
use crate::memory::Mib;
use crate::modules;
use crate::session::Boot;
use crate::session::Session;
use crate::together;
use crate::transcript::Transcript;

/// Scenario of the guest program.
const SCENARIO: &str = "bench";
/// Memory of a guest; the rows of the module are made for it.
pub const MEMORY: Mib = Mib::gib(4);
/// Time limit of a guest.
const LIMIT: Duration = Duration::from_secs(600);

/// Time limit of a guest whose every access is looked at.
const WATCHED: Duration = Duration::from_secs(5400);

/// Guests that run at the same time: each uses one processor, and all its memory.
const AT_ONCE: usize = 2;

/// The clock counts instructions, and nothing of what the machine tells its kernel changes from one run to the next.
/// Three complete gigabytes are in one zone.
const MACHINE: &str = "-icount shift=0,sleep=off -seed 1 -rtc base=2026-01-01,clock=vm \
                       -machine max-ram-below-4g=1G";

/// A kernel and how it is booted.
pub struct Configuration {
    /// What it is called.
    pub name: &'static str,
    /// The kernel.
    pub variant: Variant,
    /// Its further parameters.
    pub cmdline: &'static str,
    /// What the console must say, or what is measured is something else.
    pub console: &'static str,
}

/// In the order of [`super::ledger::NAMES`].
pub const CONFIGURATIONS: [Configuration; 3] = [
    Configuration {
        name: "stock",
        variant: Variant::Stock,
        cmdline: "",
        console: "Linux version",
    },
    Configuration {
        name: "detached",
        variant: Variant::Patched,
        cmdline: "superpageblock=off",
        console: "superpageblock: off, as superpageblock=off asks",
    },
    Configuration {
        name: "attached",
        variant: Variant::Patched,
        cmdline: "",
        console: "superpageblock: attached",
    },
];

/// Builds the kernels and the module for each.
pub fn build(session: &Session) -> Result<()> {
    for variant in [Variant::Stock, Variant::Patched] {
        session.build(variant)?;
        modules::for_variant(session, variant, &modules::BENCH)?;
    }
    Ok(())
}

/// What each configuration counts, in the order of [`super::ledger::NAMES`].
pub fn boot_all(session: &Session) -> Result<[Counts; 3]> {
    let mut all = Vec::new();
    for group in CONFIGURATIONS.chunks(AT_ONCE) {
        // Side by side: what they count does not depend on the time they take.
        for counts in together::each(group, |configuration| boot_named(session, configuration)) {
            all.push(counts?);
        }
    }
    match all.try_into() {
        Ok(counts) => Ok(counts),
        Err(_) => bail!("not as many guests as configurations"),
    }
}

/// What the configuration of this number counts.
pub fn boot_number(session: &Session, number: usize) -> Result<Counts> {
    boot_named(session, &CONFIGURATIONS[number])
}

fn boot_named(session: &Session, configuration: &Configuration) -> Result<Counts> {
    let name = configuration.name;
    println!("counting instructions, {name}");
    boot_one(session, configuration).with_context(|| format!("the {name} guest"))
}

fn boot_one(session: &Session, configuration: &Configuration) -> Result<Counts> {
    let transcript = run(session, configuration, boot(configuration))?;
    println!(
        "{}: counted in {:.0} s",
        configuration.name, transcript.seconds
    );
    counts::read(&transcript)
}

/// Boots the configuration of this name with further QEMU arguments, which make it slow.
pub fn boot_watched(session: &Session, name: &str, extra: &[String]) -> Result<Transcript> {
    let configuration = CONFIGURATIONS.iter().find(|known| known.name == name);
    let configuration =
        configuration.with_context(|| format!("there is no configuration {name}"))?;
    let mut boot = boot(configuration);
    boot.extra.extend_from_slice(extra);
    boot.timeout = WATCHED;
    run(session, configuration, boot).with_context(|| format!("the {name} guest"))
}

fn run(session: &Session, configuration: &Configuration, boot: Boot) -> Result<Transcript> {
    let transcript = session.boot(&boot)?;
    says(&transcript, configuration.console)?;
    Ok(transcript)
}

/// Whether a console says what it must.
pub fn says(transcript: &Transcript, console: &str) -> Result<()> {
    match transcript.lines.iter().any(|line| line.contains(console)) {
        true => Ok(()),
        false => bail!("its console does not say '{console}'"),
    }
}

fn boot(configuration: &Configuration) -> Boot {
    let rounds = BTreeMap::from([("rounds".to_string(), "1".to_string())]);
    Boot {
        name: Some(format!("counting instructions, {}", configuration.name)),
        variant: configuration.variant,
        scenario: SCENARIO.to_string(),
        seed: 1,
        arguments: rounds,
        cmdline: format!("norandmaps {}", configuration.cmdline),
        memory: MEMORY,
        nodes: 1,
        maxmem: None,
        extra: MACHINE.split_whitespace().map(String::from).collect(),
        disks: Vec::new(),
        timeout: LIMIT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::ledger::NAMES;

    #[test]
    fn stock_comes_first_and_names_agree() {
        let names = CONFIGURATIONS.map(|configuration| configuration.name);
        assert_eq!(names, NAMES);
        assert_eq!(names[0], "stock");
    }
}
