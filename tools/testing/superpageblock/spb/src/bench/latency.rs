// SPDX-License-Identifier: GPL-2.0-only
//! How long does kernel memory wait for a page while it grows in memory that is full of movable pages?

use anyhow::Result;

use crate::bench::twins;
use crate::bench::twins::Work;
use crate::kernel::Variant;
use crate::memory::Mib;
use crate::session::Session;

const KERNELS: [Variant; 2] = [Variant::Stock, Variant::Patched];
/// What a guest reports: how long writing a page into a pipe takes, most of which is allocating that page.
const FIGURES: [&str; 3] = [
    "pipe_write_median_us",
    "pipe_write_p999_us",
    "pipe_write_worst_us",
];
/// Five complete gigabytes in one zone, one of which boot uses.
const MEMORY: Mib = Mib::gib(6);

/// Builds both kernels, boots both under pressure, and prints what they report side by side.
pub fn run(session: &mut Session) -> Result<()> {
    MEMORY.check()?;
    for built in session.build_all(&KERNELS) {
        built?;
    }
    session.unlock();
    let work = Work {
        kernels: KERNELS,
        scenario: "pressure",
        arguments: &[],
        memory: MEMORY,
        processors: 1,
    };
    twins::compare(session, "under pressure", &work, &FIGURES)?;
    println!(
        "a microsecond is a thousand instructions, those of whoever else ran meanwhile among them"
    );
    Ok(())
}
