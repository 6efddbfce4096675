// SPDX-License-Identifier: GPL-2.0-only
//! What does the same workload leave on both kernels?

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use anyhow::Result;
use metrics::GuestRun;

use crate::kernel::Variant;
use crate::memory;
use crate::memory::Mib;
use crate::session::Boot;
use crate::session::Session;
use crate::transcript::Transcript;

/// Memory of a guest where the host has enough.
const USUAL: Mib = Mib::gib(8);

/// Boots stock and patched with each seed and prints the comparison.
pub fn run(session: &mut Session, memory: Option<Mib>, seeds: &[u64]) -> Result<()> {
    let memory = match memory {
        Some(memory) => memory,
        None => memory::available()?.whole().min(USUAL),
    };
    memory.check()?;
    for variant in [Variant::Stock, Variant::Patched] {
        session.build(variant)?;
    }
    session.unlock();
    let mut runs = Vec::new();
    let mut failed = 0;
    for &seed in seeds {
        for variant in [Variant::Stock, Variant::Patched] {
            println!("{} kernel, {memory}, seed {seed}", variant.name());
            let transcript = session.boot(&boot(variant, memory, seed))?;
            if let Some(reason) = transcript.failure() {
                println!("{} kernel, seed {seed}: {reason}", variant.name());
                failed += 1;
            }
            runs.push(guest_run(variant, seed, transcript));
        }
    }
    println!("\n{}", metrics::report(&runs));
    match failed {
        0 => Ok(()),
        _ => bail!("{failed} of {} guests failed, see build/log", runs.len()),
    }
}

fn boot(variant: Variant, memory: Mib, seed: u64) -> Boot {
    Boot {
        variant,
        scenario: "run".to_string(),
        seed,
        arguments: BTreeMap::new(),
        cmdline: String::new(),
        memory,
        nodes: 1,
        maxmem: None,
        extra: Vec::new(),
        disks: Vec::new(),
        timeout: Duration::from_secs(900),
    }
}

fn guest_run(variant: Variant, seed: u64, transcript: Transcript) -> GuestRun {
    GuestRun {
        kernel: variant.name().to_string(),
        seed,
        values: transcript.values,
        maps: transcript.maps,
        seconds: transcript.seconds,
        splats: transcript.splats,
    }
}
