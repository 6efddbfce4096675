// SPDX-License-Identifier: GPL-2.0-only

//! Is memory set aside for high-order atomic requests, used by them, and given back before memory runs out?
//!
//! Such requests are made by queueing signals: their records come from slabs that are allocated
//! atomically, in order 3 with `slab_min_order=3`. Slab allocates without access to reserves as long as
//! that works, so it is made to fail: with `slab_strict_numa` and a preference for a remote node, per-CPU
//! caches are passed by and that node is tried first, which has no more than its least watermark. And
//! nothing is set aside unless all other memory is below the low watermark. Both are raised for that.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use super::totals;
use crate::drain;
use crate::protocol;
use crate::sys::cpu;
use crate::sys::files;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::pagetypeinfo::TypeInfo;
use crate::sys::process;
use crate::sys::stat::Counters;
use crate::sys::zoneinfo;
use crate::verify;
use crate::Result;

const WATERMARKS: &str = "/proc/sys/vm/watermark_scale_factor";
const LEAST_FREE: &str = "/proc/sys/vm/min_free_kbytes";
/// Kilobytes below which only requests with access to reserves are served.
const LEAST_FREE_KB: u64 = 64 << 10;
/// The node whose memory is to be exhausted first, and a CPU of each.
const NODE: u64 = 1;
const REMOTE_CPU: usize = 0;
const LOCAL_CPU: usize = 1;
/// Distance of the watermarks in ten-thousandths of memory: what it is, and far apart.
const USUAL: u64 = 10;
const FAR: u64 = 800;
/// Seconds after which the attempt to use up all memory ends.
const PATIENCE: u32 = 90;
/// Signals queued: 80 bytes each, so that several pageblocks are needed.
const SIGNALS: u32 = 100_000;
/// Bytes taken at once while far from the end of memory, and near it.
const COARSE: usize = 4 << 20;
const FINE: usize = 64 << 10;
/// Pages of a pageblock of 2 MB.
const PAGEBLOCK_PAGES: u64 = 512;
/// Pages by which counts may differ.
const SLACK: u64 = 256;
/// Kilobytes that may stay away: slab of the processes that ran, and per-CPU lists.
const TOLERANCE_KB: u64 = 24 << 10;

/// Makes the kernel set memory aside, use it, and give it back.
pub(crate) fn run() -> Result<()> {
    let free = totals::free_kb()?;
    totals::report("at_start");
    protocol::metric("reserved_at_start", reserve()?.pages);
    let usual = files::read_number(LEAST_FREE)?;
    set_watermarks(LEAST_FREE_KB, FAR)?;
    let outcome = process::run("reserve", set_aside);
    set_watermarks(usual, USUAL)?;
    protocol::test("reserve", outcome);
    verify::report("with_reserve");
    let outcome = process::run("exhaust", exhaust);
    protocol::test("reserve_is_given_back", outcome);
    protocol::test("all_free_again", totals::came_back(free, TOLERANCE_KB));
    totals::report("at_end");
    Ok(())
}

/// Pages set aside, and how many of them are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reserve {
    pages: u64,
    free: u64,
}

/// The reserve when nothing of it waits on per-CPU lists, which it passes through when it is freed.
fn settled() -> Result<Reserve> {
    drain::decay();
    reserve()
}

fn reserve() -> Result<Reserve> {
    let text = files::read("/proc/zoneinfo")?;
    Ok(Reserve {
        pages: sum(&text, "reserved_highatomic:"),
        free: sum(&text, "free_highatomic:"),
    })
}

/// The sum of the values of `key` over all zones.
fn sum(zoneinfo: &str, key: &str) -> u64 {
    let values = zoneinfo.lines().filter_map(|line| {
        let value = line.trim().strip_prefix(key)?;
        value.trim().parse::<u64>().ok()
    });
    values.sum()
}

fn set_watermarks(kilobytes: u64, factor: u64) -> Result<()> {
    files::write(LEAST_FREE, &kilobytes.to_string())?;
    files::write(WATERMARKS, &factor.to_string())
}

/// Runs memory low and queues signals, twice.
fn set_aside() -> Result<()> {
    cpu::stay_on(LOCAL_CPU)?;
    let filler = Filler::to_low_watermark()?;
    let clean = clean_blocks()?;
    let signals = Signals::block()?;
    cpu::stay_on(REMOTE_CPU)?;
    cpu::prefer_memory(NODE as u32)?;
    signals.queue()?;
    let made = settled()?;
    protocol::log(format_args!("queued: {made:?}"));
    protocol::test("reserve_is_made", at_least(made.pages, 1));
    protocol::test("reserve_is_counted", counts_agree());
    protocol::test("reserve_taints_nothing", at_least(clean_blocks()?, clean));
    signals.take();
    let refilled = settled()?;
    protocol::log(format_args!("taken: {refilled:?}"));
    let refills = at_least(refilled.free, made.free + SLACK);
    protocol::test("reserve_refills", refills);
    protocol::test("reserve_is_counted_when_refilled", counts_agree());
    signals.queue()?;
    let used = settled()?;
    protocol::log(format_args!("queued again: {used:?}"));
    protocol::test(
        "reserve_is_used",
        at_least(refilled.free, used.free + SLACK),
    );
    signals.take();
    drop(filler);
    verify::check()
}

/// Fills memory to the brim: everything set aside must be given back before the kernel kills.
fn exhaust() -> Result<()> {
    // SAFETY: alarm has no memory preconditions; its signal ends this child only.
    unsafe { libc::alarm(PATIENCE) };
    let mut filler = Filler::new()?;
    let before = settled()?;
    protocol::log(format_args!("before filling: {before:?}"));
    at_least(before.free, SLACK)?;
    let high: u64 = zoneinfo::zones()?.iter().map(|zone| zone.high).sum();
    while free_pages()? > high {
        filler.grow(COARSE)?;
    }
    // A pageblock without a free page stays what it is.
    while reserve()?.free > 0 {
        filler.grow(FINE)?;
    }
    let after = reserve()?;
    protocol::log(format_args!(
        "at the brim {after:?}, {} pages are free in all",
        free_pages()?
    ));
    at_least(before.pages, after.pages + PAGEBLOCK_PAGES)
}

/// Memory in use that reclaim cannot take.
struct Filler {
    area: Mapping,
    touched: usize,
}

impl Filler {
    fn new() -> Result<Self> {
        let bytes = Counters::meminfo()?.get("MemTotal") as usize * 1024;
        let area = Mapping::new(bytes, libc::MAP_NORESERVE)?;
        area.advise(0, area.len(), libc::MADV_NOHUGEPAGE);
        Ok(Self { area, touched: 0 })
    }

    /// Fills until the other node's largest zone is half way between its low and its least watermark;
    /// the near node is exhausted then.
    fn to_low_watermark() -> Result<Self> {
        let mut filler = Self::new()?;
        loop {
            let zones = zoneinfo::zones()?;
            let others = zones.iter().filter(|zone| zone.node != NODE);
            let largest = others.max_by_key(|zone| zone.managed);
            let zone = largest.ok_or("all zones are of one node")?;
            // From the high watermark down, each is as far from the next.
            let distance = zone.managed * FAR / 10_000;
            if zone.free + distance * 3 / 2 < zone.high {
                return Ok(filler);
            }
            filler.grow(COARSE)?;
        }
    }

    fn grow(&mut self, bytes: usize) -> Result<()> {
        let end = self.touched + bytes;
        if end > self.area.len() {
            return Err("all memory is in use and more was to be had".into());
        }
        for at in (self.touched..end).step_by(memory::page_bytes()) {
            self.area.touch(at);
        }
        self.touched = end;
        Ok(())
    }
}

/// Signals queued for this process, which does not take them until it is told to.
struct Signals {
    set: libc::sigset_t,
}

impl Signals {
    fn block() -> Result<Self> {
        let limit = libc::rlimit {
            rlim_cur: 2 * u64::from(SIGNALS),
            rlim_max: 2 * u64::from(SIGNALS),
        };
        // SAFETY: the structure lives until the call returns.
        if unsafe { libc::setrlimit(libc::RLIMIT_SIGPENDING, &limit) } != 0 {
            return Err(failed("setrlimit"));
        }
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the set it is given room for.
        let set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGRTMIN());
            set.assume_init()
        };
        // SAFETY: the set lives until the call returns; the old one is not asked for.
        if unsafe { libc::sigprocmask(libc::SIG_BLOCK, &set, ptr::null_mut()) } != 0 {
            return Err(failed("sigprocmask"));
        }
        Ok(Self { set })
    }

    fn queue(&self) -> Result<()> {
        let value = libc::sigval {
            sival_ptr: ptr::null_mut(),
        };
        for _ in 0..SIGNALS {
            // SAFETY: sends a blocked signal to this process; the value is not used as a pointer.
            if unsafe { libc::sigqueue(libc::getpid(), libc::SIGRTMIN(), value) } != 0 {
                return Err(failed("sigqueue"));
            }
        }
        Ok(())
    }

    fn take(&self) {
        let now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: set and time live until the call returns; nothing is to be told of the signal.
        while unsafe { libc::sigtimedwait(&self.set, ptr::null_mut(), &now) } > 0 {}
    }
}

fn failed(call: &str) -> Box<dyn std::error::Error> {
    format!("{call}: {}", io::Error::last_os_error()).into()
}

fn at_least(value: u64, least: u64) -> Result<()> {
    match value >= least {
        true => Ok(()),
        false => Err(format!("{value}, at least {least} was expected").into()),
    }
}

/// The zones' counts against lists and pageblock types.
fn counts_agree() -> Result<()> {
    let info = TypeInfo::read()?;
    let counted = reserve()?;
    let typed = info.pageblocks(&["HighAtomic"]) * PAGEBLOCK_PAGES;
    if typed != counted.pages {
        return Err(format!(
            "{} pages are set aside, {typed} have the type",
            counted.pages
        )
        .into());
    }
    let listed = info.pages_of("HighAtomic").unwrap_or(counted.free);
    if listed.abs_diff(counted.free) > SLACK {
        return Err(format!("{} pages are free, {listed} are on lists", counted.free).into());
    }
    Ok(())
}

/// Blocks that could be 1 GB pages; 0 without superpageblocks.
fn clean_blocks() -> Result<u64> {
    if !verify::patched() {
        return Ok(0);
    }
    let blocks = files::read(format!("{}/blocks", verify::DIR))?;
    let state = |line: &str| line.split_whitespace().nth(3).map(str::to_string);
    let clean = |state: &String| state == "clean" || state == "empty";
    Ok(blocks.lines().filter_map(state).filter(clean).count() as u64)
}

fn free_pages() -> Result<u64> {
    Ok(zoneinfo::zones()?.iter().map(|zone| zone.free).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_add_up_and_similar_keys_do_not_count() {
        let text = "  reserved_highatomic: 512\n  free_highatomic:     100\nNode 0\n  \
                    reserved_highatomic: 1024\n";
        assert_eq!(sum(text, "reserved_highatomic:"), 1536);
        assert_eq!(sum(text, "free_highatomic:"), 100);
    }
}
