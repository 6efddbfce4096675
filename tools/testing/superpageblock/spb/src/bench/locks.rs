// SPDX-License-Identifier: GPL-2.0-only
//! How long is zone->lock held on stock and patched, with one processor and with eight?

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use anyhow::anyhow;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::bench::boots::MEMORY;
use crate::kernel::Variant;
use crate::session::Boot;
use crate::session::Session;
use crate::transcript::Transcript;

/// What is compared.
const KERNELS: [Variant; 2] = [Variant::StockLocks, Variant::PatchedLocks];
/// What a guest reports.
const FIGURES: [&str; 4] = [
    "lock_acquisitions",
    "lock_contentions",
    "lock_held_longest_us",
    "lock_held_total_us",
];
/// Processors: with one a hold lasts as many nanoseconds as it has instructions. With more they take turns, and a hold
/// lasts longer by those of the others where its turn ends.
const PROCESSORS: [u32; 2] = [1, 8];
/// The clock counts what all processors execute.
const MACHINE: &str = "-icount shift=0,sleep=off -seed 1 -rtc base=2026-01-01,clock=vm \
                       -machine max-ram-below-4g=1G";
/// Processes of the workload: one for each processor.
const WORKERS: &str = "8";
/// Time limit of a guest.
const LIMIT: Duration = Duration::from_secs(3600);

/// Builds both kernels, boots both, and prints what they report side by side.
pub fn run(session: &mut Session) -> Result<()> {
    MEMORY.check()?;
    for built in session.build_all(&KERNELS) {
        built?;
    }
    session.unlock();
    for processors in PROCESSORS {
        let [stock, patched] = boot_both(session, processors)?;
        println!(
            "\n{:24}{:>16}{:>16}{:>10}",
            format!("{processors} processor(s)"),
            "stock",
            "patched",
            "ratio"
        );
        for name in FIGURES {
            let (before, after) = (figure(&stock, name)?, figure(&patched, name)?);
            println!(
                "{name:24}{before:>16.2}{after:>16.2}{:>10.3}",
                after / before
            );
        }
    }
    println!("a microsecond is a thousand instructions, those of the kernel's own checks of locks among them");
    Ok(())
}

fn boot_both(session: &Session, processors: u32) -> Result<[Transcript; 2]> {
    let both: Vec<Result<Transcript>> = thread::scope(|scope| {
        let guests = KERNELS.map(|variant| scope.spawn(move || boot(session, variant, processors)));
        let panicked = |_| Err(anyhow!("the guest panicked"));
        guests
            .into_iter()
            .map(|guest| guest.join().unwrap_or_else(panicked))
            .collect()
    });
    let both: Vec<Transcript> = both.into_iter().collect::<Result<_>>()?;
    both.try_into().map_err(|_| anyhow!("not two guests"))
}

fn boot(session: &Session, variant: Variant, processors: u32) -> Result<Transcript> {
    let machine = format!("-smp {processors},sockets={processors} {MACHINE}");
    let arguments = [("rounds", "1"), ("workers", WORKERS)];
    let transcript = session.boot(&Boot {
        name: None,
        variant,
        scenario: "locks".to_string(),
        seed: 1,
        arguments: BTreeMap::from(arguments.map(|(key, value)| (key.into(), value.into()))),
        cmdline: "norandmaps".to_string(),
        memory: MEMORY,
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
