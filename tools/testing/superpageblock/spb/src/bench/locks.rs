// SPDX-License-Identifier: GPL-2.0-only
//! How long is zone->lock held on stock and patched, with one processor and with eight?

use anyhow::Result;

use crate::bench::boots::MEMORY;
use crate::bench::twins;
use crate::bench::twins::Work;
use crate::kernel::Variant;
use crate::session::Session;

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
/// Processes of the workload: one for each processor.
const WORKERS: &str = "8";

/// Builds both kernels, boots both, and prints what they report side by side.
pub fn run(session: &mut Session) -> Result<()> {
    MEMORY.check()?;
    for built in session.build_all(&KERNELS) {
        built?;
    }
    session.unlock();
    for processors in PROCESSORS {
        let work = Work {
            kernels: KERNELS,
            scenario: "locks",
            arguments: &[("rounds", "1"), ("workers", WORKERS)],
            memory: MEMORY,
            processors,
        };
        twins::compare(
            session,
            &format!("{processors} processor(s)"),
            &work,
            &FIGURES,
        )?;
    }
    println!("a microsecond is a thousand instructions, those of the kernel's own checks of locks among them");
    Ok(())
}
