// SPDX-License-Identifier: GPL-2.0-only
//! What does the same workload leave on each kernel?

use std::time::Duration;

use anyhow::bail;
use anyhow::Result;
use metrics::GuestRun;

use crate::kernel::Variant;
use crate::memory;
use crate::memory::Mib;
use crate::session::Boot;
use crate::session::Session;
use crate::testing;
use crate::transcript::Case;
use crate::transcript::Transcript;

/// Memory of a guest where the host has enough.
const USUAL: Mib = Mib::gib(8);
/// Room for the files of a guest of that size.
pub const FILES_DISK: u64 = 8 << 10;

/// One of the kernels that are compared.
struct Contender {
    /// Heading of its column.
    name: &'static str,
    variant: Variant,
    /// What the scenario is told besides.
    arguments: &'static [(&'static str, &'static str)],
}

const STOCK: Contender = Contender {
    name: "stock",
    variant: Variant::Stock,
    arguments: &[],
};

const PATCHED: Contender = Contender {
    name: "patched",
    variant: Variant::Patched,
    arguments: &[],
};

/// What stock can do against fragmentation if asked.
const DEFRAG: Contender = Contender {
    name: "defrag_mode",
    arguments: &[("defrag", "1")],
    ..STOCK
};

/// A workload, and who goes through it.
pub struct Contest {
    scenario: &'static str,
    contenders: &'static [Contender],
    /// A disk in MiB, and the file system on it.
    disk: Option<(u64, &'static str)>,
}

/// Churn of everything.
pub const CHURN: Contest = Contest {
    scenario: "run",
    contenders: &[STOCK, PATCHED],
    disk: None,
};

/// Kernel memory that grows while all memory is full of movable pages.
pub const PRESSURE: Contest = Contest {
    scenario: "pressure",
    contenders: &[STOCK, DEFRAG, PATCHED],
    disk: None,
};

/// Files that come and go.
pub const FILES: Contest = Contest {
    scenario: "files",
    contenders: &[STOCK, DEFRAG, PATCHED],
    disk: Some((FILES_DISK, "ext4")),
};

/// Boots the kernels of a contest with each seed and prints the comparison.
pub fn run(
    session: &mut Session,
    contest: &Contest,
    memory: Option<Mib>,
    seeds: &[u64],
) -> Result<()> {
    let memory = match memory {
        Some(memory) => memory,
        None => memory::available()?.whole().min(USUAL),
    };
    memory.check()?;
    let kernels = contest.contenders.iter().map(|contender| contender.variant);
    for built in session.build_all(&distinct(kernels)) {
        built?;
    }
    session.unlock();
    let mut runs = Vec::new();
    let mut failed = 0;
    for &seed in seeds {
        for contender in contest.contenders {
            println!("{} kernel, {memory}, seed {seed}", contender.name);
            let transcript = session.boot(&boot(session, contest, contender, memory, seed)?)?;
            if let Some(reason) = complaint(&transcript) {
                println!("{} kernel, seed {seed}: {reason}", contender.name);
                failed += 1;
            }
            runs.push(guest_run(contender, seed, transcript));
        }
    }
    println!("\n{}", metrics::report(&runs));
    match failed {
        0 => Ok(()),
        _ => bail!("{failed} of {} guests failed, see build/log", runs.len()),
    }
}

/// Each kernel once.
fn distinct(kernels: impl Iterator<Item = Variant>) -> Vec<Variant> {
    let mut distinct = Vec::new();
    for kernel in kernels {
        if !distinct.contains(&kernel) {
            distinct.push(kernel);
        }
    }
    distinct
}

fn boot(
    session: &Session,
    contest: &Contest,
    contender: &Contender,
    memory: Mib,
    seed: u64,
) -> Result<Boot> {
    let arguments = contender.arguments.iter();
    let disks = match contest.disk {
        None => Vec::new(),
        Some((mib, kind)) => testing::disks(session, contest.scenario, &[mib], kind)?,
    };
    Ok(Boot {
        name: None,
        variant: contender.variant,
        scenario: contest.scenario.to_string(),
        seed,
        arguments: arguments
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect(),
        cmdline: String::new(),
        memory,
        nodes: 1,
        maxmem: None,
        extra: Vec::new(),
        disks,
        timeout: Duration::from_secs(1200),
    })
}

/// What went wrong in a guest: how it ended, or else the first of its cases that failed.
fn complaint(transcript: &Transcript) -> Option<String> {
    transcript.failure().or_else(|| {
        let failed = |case: &Case| Some(format!("{}: {}", case.name, case.failure.as_ref()?));
        transcript.cases.iter().find_map(failed)
    })
}

fn guest_run(contender: &Contender, seed: u64, transcript: Transcript) -> GuestRun {
    GuestRun {
        kernel: contender.name.to_string(),
        seed,
        values: transcript.values,
        maps: transcript.maps,
        seconds: transcript.seconds,
        splats: transcript.splats,
    }
}
