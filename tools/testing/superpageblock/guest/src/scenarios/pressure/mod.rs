// SPDX-License-Identifier: GPL-2.0-only

//! How many 1 GB pages does the kernel give after its own memory grew where all was full of movable pages?
//!
//! - [`levels`]: how full memory is in each phase;
//! - [`movable`]: the pages that fill it; [`places`]: which of them goes next;
//! - [`kernel`]: the memory that grows; [`latency`]: how long it waits for each page;
//! - [`rounds`]: growing and shrinking.
//!
//! - [`compaction`]: asking in the middle of compaction, instead.

pub(crate) mod compaction;
mod kernel;
mod latency;
mod levels;
mod movable;
mod places;
mod rounds;

use std::thread;
use std::time::Instant;

use super::measure;
use super::run::apart;
use super::run::ask;
use super::run::boot_state;
use super::run::seconds;
use super::run::set_defrag_mode;
use crate::cmdline::Cmdline;
use crate::pagemap::Walker;
use crate::protocol;
use crate::sys::mounts;
use crate::sys::process;
use crate::sys::stat::Counters;
use crate::Result;
use kernel::Kernel;
use levels::Levels;
use movable::Movable;

/// Files that may be open: a pipe uses two.
const OPEN_FILES: u64 = 1 << 19;

/// Puts memory under pressure, relaxes it, asks for huge pages, and prints it all.
///
/// See [`Levels::new`] for `spb.arg`.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    apart("pressure", || press(cmdline))
}

fn press(cmdline: &Cmdline) -> Result<()> {
    let begin = Instant::now();
    let mut walker = Walker::new()?;
    let levels = prepare(cmdline, &mut walker)?;
    let mut movable = Movable::new(cmdline.seed, levels.total_kb)?;
    let mut kernel = Kernel::new(cmdline.seed)?;

    movable.fill_up(&levels)?;
    measure::log_memory(format_args!("filled: {} s", seconds(begin)))?;
    let peak = rounds::run(&levels, &mut movable, &mut kernel)?;
    movable.keep(levels.live_pages)?;
    thread::sleep(levels.settle);
    measure::log_memory(format_args!("relaxed: {} s", seconds(begin)))?;
    protocol::metric("seconds_workload", seconds(begin));
    kernel.print_latency();

    ask(&mut walker, peak)?;
    protocol::test("contents_kept", movable.check());
    // Until here both held their memory.
    drop((movable, kernel));
    Ok(())
}

/// Says how things are before anything grows, and sets limits.
fn prepare(cmdline: &Cmdline, walker: &mut Walker) -> Result<Levels> {
    let total_kb = Counters::meminfo()?.get("MemTotal");
    protocol::metric("memtotal_kb", total_kb);
    boot_state(walker)?;
    set_defrag_mode(cmdline)?;
    process::allow_files(OPEN_FILES);
    mounts::mount_names()?;
    let high_kb = measure::free_memory()?.high_watermark_bytes >> 10;
    let levels = Levels::new(cmdline, total_kb, high_kb);
    protocol::log(format_args!("{levels:?}, high watermarks {high_kb} kB"));
    Ok(levels)
}
