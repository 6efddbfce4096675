// SPDX-License-Identifier: GPL-2.0-only

//! Does memory come back after nearly all of it was allocated?

use crate::drain;
use crate::protocol;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::process;
use crate::sys::stat::Counters;
use crate::sys::zoneinfo;
use crate::verify;
use crate::workload::pipes::Pipes;
use crate::workload::Kind;
use crate::Result;

/// Times that memory is filled with anonymous pages.
const FILLS: u32 = 3;
/// Kilobytes that stay available at least, but no more than a quarter of a small guest's memory.
const LEAST_LEFT_KB: u64 = 16 << 10;
/// Percentage of memory filled with pipe buffers.
const KERNEL_SHARE: u64 = 20;
/// Kilobytes that may be missing afterwards besides 1 % of memory: slab of the processes that ran.
const SLACK_KB: u64 = 4 << 10;

/// Fills and frees memory, checking after every step that it came back.
pub(crate) fn run() -> Result<()> {
    let total = Counters::meminfo()?.get("MemTotal");
    protocol::metric("memtotal_kb", total);
    process::allow_files(1 << 19);
    verify::report("at_start");
    for fill in 1..=FILLS {
        let name = format!("anon_fill_{fill}");
        protocol::test(&name, returns(total, &name, || fill_anonymous(total)));
        verify::report(&format!("after_{name}"));
    }
    let name = "kernel_fill";
    protocol::test(name, returns(total, name, || fill_pipes(total)));
    verify::report("after_kernel_fill");
    Ok(())
}

/// Runs `body` in a process of its own; fails unless free memory is back to within the tolerance.
///
/// Free memory may grow: reclaim takes caches that were there before.
fn returns(total: u64, name: &str, body: impl FnOnce() -> Result<()>) -> Result<()> {
    let before = free_kb()?;
    process::run(name, body)?;
    let after = free_kb()?;
    protocol::log(format_args!(
        "{name}: free {before} kB before, {after} kB after"
    ));
    let tolerance = total / 100 + SLACK_KB;
    if after + tolerance < before {
        return Err(format!("{} kB did not come back", before - after).into());
    }
    Ok(())
}

/// Touches anonymous memory until little is available.
fn fill_anonymous(total: u64) -> Result<()> {
    let page = memory::page_bytes();
    let step = (total as usize * 1024 / 256).clamp(256 << 10, 16 << 20) / page * page;
    let left = (total * 3 / 100).max(least_left(total));
    let mut areas = Vec::new();
    while available()? > left + step as u64 / 1024 {
        let area = Mapping::new(step, 0)?;
        (0..step).step_by(page).for_each(|at| area.touch(at));
        areas.push(area);
    }
    let filled = (areas.len() * step) >> 20;
    protocol::log(format_args!(
        "filled {filled} MB, {} kB available",
        available()?
    ));
    verify::check()
}

/// Fills pipes with a share of all memory.
fn fill_pipes(total: u64) -> Result<()> {
    let goal = total * 1024 / 100 * KERNEL_SHARE;
    let mut pipes = Pipes::default();
    while pipes.held() < goal && available()? > least_left(total) {
        pipes.grow_large()?;
    }
    protocol::log(format_args!("filled pipes with {} MB", pipes.held() >> 20));
    verify::check()
}

fn least_left(total: u64) -> u64 {
    LEAST_LEFT_KB.min(total / 4)
}

fn available() -> Result<u64> {
    Ok(Counters::meminfo()?.get("MemAvailable"))
}

/// Free kilobytes, those on per-CPU lists included.
fn free_kb() -> Result<u64> {
    drain::decay();
    let per_cpu = zoneinfo::per_cpu_pages()? * memory::page_bytes() as u64 / 1024;
    Ok(Counters::meminfo()?.get("MemFree") + per_cpu)
}
