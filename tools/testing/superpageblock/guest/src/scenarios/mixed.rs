// SPDX-License-Identifier: GPL-2.0-only

//! Do movable pages get out of pageblocks that the kernel has claimed?
//!
//! Where kernel memory took what was free in every pageblock of a gigabyte, while none could be emptied, none of them
//! ever can. Those pages that do move still make room for kernel memory.

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

/// What is set so that nothing else decides where pages lie.
const SETTINGS: [(&str, &str); 4] = [
    // Less than what the kernel is to leave: it sets watermarks high in a small machine with transparent huge pages,
    ("/proc/sys/vm/min_free_kbytes", "2048"),
    // and raises them when types of memory mix.
    ("/proc/sys/vm/watermark_boost_factor", "0"),
    // Compaction in the background would separate them.
    ("/proc/sys/vm/compaction_proactiveness", "0"),
    // Per-CPU lists of a few hundred pages: what is freed is to be free for all.
    ("/proc/sys/vm/percpu_pagelist_high_fraction", "100000"),
];
/// Without it the policy empties no pageblock.
const EVACUATION: &str = "/proc/sys/vm/compact_unevictable_allowed";
const PAGEBLOCK: u64 = 512;
/// Every other run of so many pages is freed: enough for the kernel to claim the pageblock.
const RUN: u64 = 64;
/// Memory left free where all of it is filled, in kilobytes.
const LEFT_KB: u64 = 48 << 10;
/// Free pages in gigabytes of the kernel that it leaves: several times its watermarks, and what a few pageblocks hold.
const UNCLAIMED: u64 = 6 * PAGEBLOCK;
/// What happens when pages were moved out of a pageblock.
const EVENT: &str = "spb_evacuate";
/// A sixteenth of a pageblock: with less to move the policy does not begin.
const MOVED: u64 = PAGEBLOCK / 16;
/// Pages of the kernel that make a pageblock one of its own.
const KERNELS: u64 = PAGEBLOCK / 4;
/// Pageblocks of the kernel that movable pages have to leave.
const PAGEBLOCKS: usize = 4;
/// The worker comes back after five seconds at most.
const PATIENCE: Duration = Duration::from_secs(60);
const OPEN_FILES: u64 = 1 << 16;

/// Mixes kernel memory and movable pages, and waits for these to leave.
pub(crate) fn run() -> Result<()> {
    process::allow_files(OPEN_FILES);
    for (setting, value) in SETTINGS {
        files::write(setting, value)?;
    }
    let tracing = mounts::mount_tracing()?;
    // Room that is made for kernel memory would keep it and movable pages apart.
    files::write(EVACUATION, "0")?;
    let area = filled()?;
    // While there is memory for the list.
    let places = frames::places(&area)?;
    let (tainted, clean) = (tainted()?, clean()?);
    let mut pipes = mix(&area, &places, &tainted)?;
    verify::report("mixed");

    // Somewhere to go.
    thin_out(&area, &places, &clean)?;
    drop(places);
    // No kernel memory goes from here on: a pageblock that has much of it now is never empty.
    let shared = shared(&area, &tainted)?;
    protocol::metric("pageblocks_shared", shared.len());
    protocol::test("pageblocks_are_shared", enough(shared.len()));
    files::write(
        format!("{tracing}/events/superpageblock/{EVENT}/enable"),
        "1",
    )?;
    files::write(EVACUATION, "1")?;
    let outcome = wait_until(|| {
        // Nobody makes room that is not wanted.
        pipes.grow_large()?;
        Ok(enough(count_left(tracing, &shared)?).is_ok())
    });
    protocol::test("movable_pages_leave_claimed_pageblocks", outcome);
    verify::report("end");
    protocol::ok("scenario");
    Ok(())
}

/// Has kernel memory take half of each pageblock of these gigabytes; returns it.
fn mix(area: &Mapping, places: &[(usize, u64)], gigabytes: &[Gigabyte]) -> Result<Pipes> {
    thin_out(area, places, gigabytes)?;
    protocol::metric("free_beside_them", free(gigabytes)?);
    let mut pipes = Pipes::default();
    while free(gigabytes)? > UNCLAIMED {
        pipes.grow_large()?;
    }
    Ok(pipes)
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

/// Pageblocks of these gigabytes that the area's pages have in common with the kernel's.
fn shared(area: &Mapping, gigabytes: &[Gigabyte]) -> Result<HashSet<u64>> {
    // Pages of pipes have no flags.
    let kernels = pageblocks(Walker::new()?.frames_where(|flags| flags == 0)?, KERNELS);
    let places = frames::places(area)?;
    let areas = pageblocks(places.into_iter().map(|(_, frame)| frame), MOVED);
    let mut shared: HashSet<u64> = kernels.intersection(&areas).copied().collect();
    shared.retain(|pageblock| holds(gigabytes, pageblock * PAGEBLOCK));
    Ok(shared)
}

/// Pageblocks with at least so many of these pages.
fn pageblocks(frames: impl IntoIterator<Item = u64>, least: u64) -> HashSet<u64> {
    let mut pages: HashMap<u64, u64> = HashMap::new();
    for frame in frames {
        *pages.entry(frame / PAGEBLOCK).or_default() += 1;
    }
    pages.retain(|_, pages| *pages >= least);
    pages.into_keys().collect()
}

/// How many of these pageblocks movable pages have left.
fn count_left(tracing: &str, shared: &HashSet<u64>) -> Result<usize> {
    let left = left(&files::read(format!("{tracing}/trace"))?);
    let count = left.intersection(shared).count();
    protocol::metric("pageblocks_left", left.len());
    protocol::metric("shared_pageblocks_left", count);
    Ok(count)
}

fn enough(pageblocks: usize) -> Result<()> {
    match pageblocks >= PAGEBLOCKS {
        true => Ok(()),
        false => Err(format!("{pageblocks}, fewer than {PAGEBLOCKS}").into()),
    }
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

    #[test]
    fn a_pageblock_with_few_of_the_pages_does_not_count() {
        let frames = (0..40).chain(512..530);
        assert_eq!(pageblocks(frames, MOVED), HashSet::from([0]));
    }
}
