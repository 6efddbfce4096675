// SPDX-License-Identifier: GPL-2.0-only

//! Do movable pages get out of pageblocks that the kernel has claimed?
//!
//! Where kernel memory took what was free in every pageblock of a gigabyte, none of them can be emptied. Those
//! pages that do move still make room for kernel memory.

use std::collections::HashMap;
use std::collections::HashSet;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::gigabytes;
use crate::gigabytes::Gigabyte;
use crate::pagemap::Walker;
use crate::protocol;
use crate::sys::files;
use crate::sys::frames;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::mounts;
use crate::sys::process;
use crate::sys::stat::Counters;
use crate::verify;
use crate::workload::pipes::Pipes;
use crate::Result;

const MIN_FREE: &str = "/proc/sys/vm/min_free_kbytes";
/// Less than what the kernel is to leave: it sets watermarks high in a small machine with transparent huge pages.
const MIN_FREE_KB: &str = "2048";
/// Per-CPU lists of a few hundred pages: what is freed is to be free for all.
const PER_CPU: &str = "/proc/sys/vm/percpu_pagelist_high_fraction";
const PER_CPU_FRACTION: &str = "100000";
const PAGEBLOCK: u64 = 512;
/// Every other run of so many pages is freed: enough for the kernel to claim the pageblock.
const RUN: u64 = 64;
/// Memory left free where all of it is filled, in kilobytes.
const LEFT_KB: u64 = 48 << 10;
/// Free pages in gigabytes of the kernel that it leaves: those of six pageblocks that are half in use.
const UNCLAIMED: u64 = 3 * PAGEBLOCK;
/// What happens when pages were moved out of a pageblock.
const EVENT: &str = "spb_evacuate";
/// A sixteenth of a pageblock: with less the policy does not begin.
const MOVED: u64 = PAGEBLOCK / 16;
/// Pages without flags that show that a pageblock is in use; some are on per-CPU lists instead.
const OTHERS: u64 = PAGEBLOCK / 4;
/// Claimed pageblocks that movable pages have to leave.
const PAGEBLOCKS: usize = 4;
/// The worker comes back after five seconds at most.
const PATIENCE: Duration = Duration::from_secs(60);
const OPEN_FILES: u64 = 1 << 16;

/// Mixes kernel memory and movable pages, and waits for these to leave.
pub(crate) fn run() -> Result<()> {
    process::allow_files(OPEN_FILES);
    files::write(MIN_FREE, MIN_FREE_KB)?;
    files::write(PER_CPU, PER_CPU_FRACTION)?;
    let tracing = mounts::mount_tracing()?;
    files::write(
        format!("{tracing}/events/superpageblock/{EVENT}/enable"),
        "1",
    )?;
    let mut walker = Walker::new()?;
    let area = filled()?;
    let places = frames::places(&area)?;
    let (tainted, clean) = (tainted()?, clean()?);
    thin_out(&area, &places, &tainted)?;
    protocol::metric("free_beside_them", free(&tainted)?);
    let mut pipes = Pipes::default();
    while free(&tainted)? > UNCLAIMED {
        pipes.grow_large()?;
    }
    verify::report("mixed");

    // Somewhere to go.
    thin_out(&area, &places, &clean)?;
    let outcome = wait_until(|| Ok(in_claimed(tracing, &mut walker)? >= PAGEBLOCKS));
    protocol::test("movable_pages_leave_claimed_pageblocks", outcome);
    verify::report("end");
    protocol::ok("scenario");
    Ok(())
}

/// Movable memory, a page at a time, until little is left.
fn filled() -> Result<Mapping> {
    let bytes = Counters::meminfo()?.get("MemFree").saturating_sub(LEFT_KB) << 10;
    let area = Mapping::new(bytes as usize, libc::MAP_NORESERVE)?;
    area.advise(0, area.len(), libc::MADV_NOHUGEPAGE);
    for at in (0..area.len()).step_by(memory::page_bytes()) {
        area.touch(at);
    }
    Ok(area)
}

/// Those of the kernel, without the first 16 MB, which others may not use up.
fn tainted() -> Result<Vec<Gigabyte>> {
    let mut gigabytes = gigabytes::list()?;
    gigabytes.retain(|g| g.tainted() && g.zone != "DMA");
    Ok(gigabytes)
}

fn clean() -> Result<Vec<Gigabyte>> {
    let mut gigabytes = gigabytes::list()?;
    gigabytes.retain(Gigabyte::clean);
    Ok(gigabytes)
}

/// Frees every other run of the area's pages in these gigabytes.
fn thin_out(area: &Mapping, places: &[(usize, u64)], gigabytes: &[Gigabyte]) -> Result<()> {
    for (offset, frame) in places {
        if frame / RUN % 2 == 0 && holds(gigabytes, *frame) {
            area.demand(*offset, memory::page_bytes(), libc::MADV_DONTNEED)?;
        }
    }
    Ok(())
}

fn holds(gigabytes: &[Gigabyte], frame: u64) -> bool {
    let mut ranges = gigabytes.iter().map(|g| g.start..g.start + g.present);
    ranges.any(|range| range.contains(&frame))
}

/// Free pages in gigabytes that were tainted before.
fn free(wanted: &[Gigabyte]) -> Result<u64> {
    let now = gigabytes::list()?;
    let wanted = now
        .iter()
        .filter(|g| wanted.iter().any(|w| w.start == g.start));
    Ok(wanted.map(|g| g.free).sum())
}

/// Pageblocks that movable pages have left, and in which the kernel has others.
fn in_claimed(tracing: &str, walker: &mut Walker) -> Result<usize> {
    let left = left(&files::read(format!("{tracing}/trace"))?);
    let mut others: HashMap<u64, u64> = HashMap::new();
    // Pages of pipes have no flags.
    for frame in walker.frames_where(|flags| flags == 0)? {
        *others.entry(frame / PAGEBLOCK).or_default() += 1;
    }
    let claimed = |pageblock: &&u64| others.get(pageblock).is_some_and(|pages| *pages >= OTHERS);
    let count = left.iter().filter(claimed).count();
    protocol::metric("pageblocks_left", left.len());
    protocol::metric("claimed_pageblocks_left", count);
    Ok(count)
}

/// Pageblocks that enough pages were moved out of.
fn left(trace: &str) -> HashSet<u64> {
    let word = |line: &str, key: &str| {
        let (_, rest) = line.split_once(key)?;
        rest.split_whitespace().next().map(String::from)
    };
    let pageblock = |line: &str| {
        let moved: u64 = word(line, " moved=")?.parse().ok()?;
        let pfn = u64::from_str_radix(word(line, " pfn=0x")?.as_str(), 16).ok()?;
        (moved >= MOVED).then_some(pfn / PAGEBLOCK)
    };
    let lines = trace.lines().filter(|line| line.contains(EVENT));
    lines.filter_map(pageblock).collect()
}

fn wait_until(mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let begin = Instant::now();
    while !done()? {
        if begin.elapsed() > PATIENCE {
            return Err(format!("fewer than {PAGEBLOCKS} after {} s", PATIENCE.as_secs()).into());
        }
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_moved_enough_counts() {
        let line = |pfn, moved| {
            format!(" w-9 [1] 2.0: {EVENT}: nid=0 zid=1 pfn={pfn} moved={moved} left=0 mode=1\n")
        };
        let trace = line("0x1400", 256) + &line("0x1600", 3) + "# pfn=0x1800 moved=99\n";
        assert_eq!(left(&trace), HashSet::from([0x1400 / PAGEBLOCK]));
    }
}
