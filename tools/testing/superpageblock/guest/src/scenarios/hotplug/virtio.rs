// SPDX-License-Identifier: GPL-2.0-only

//! Do the books stay right while virtio-mem adds and removes memory in small steps?

use super::bench::Bench;
use crate::filler::Filler;
use crate::host;
use crate::sys::memoryblocks;
use crate::sys::memoryblocks::Use;
use crate::sys::stat::Counters;
use crate::Result;

/// MiB of one step: a hotplug memory block.
const STEP: u64 = 128;
/// Steps in which it grows: a complete gigabyte and half of another.
const STEPS: u64 = 12;
/// MiB to which it grows at once.
const LARGE: u64 = 2048;

/// Grows and shrinks, first an idle machine, then one in use.
pub(crate) fn run() -> Result<()> {
    let mut bench = Bench::new()?;
    memoryblocks::auto_online(Some(Use::Movable))?;
    for mib in (1..=STEPS).map(|n| n * STEP) {
        bench.step(&format!("grow_to_{mib}"), |b| resize(b, mib))?;
    }
    bench.step("pages_of_new_gigabytes", Bench::take_gigabytes)?;
    for mib in (0..STEPS).rev().map(|n| n * STEP) {
        bench.step(&format!("shrink_to_{mib}"), |b| resize(b, mib))?;
    }
    bench.step("grow_at_once", |b| resize(b, LARGE))?;
    bench.step("shrink_in_use", |b| {
        let mut filler = Filler::default();
        let room = Counters::meminfo()?.get("MemAvailable") << 10;
        // What is in the memory that goes must find a place elsewhere.
        filler.fill(0, room.saturating_sub((LARGE << 20) * 5 / 4))?;
        resize(b, 0)?;
        filler.check()
    })
}

/// The host is satisfied before the guest has done its part.
fn resize(bench: &Bench, mib: u64) -> Result<()> {
    host::virtio_mem(mib)?;
    bench.await_online(mib << 20)
}
