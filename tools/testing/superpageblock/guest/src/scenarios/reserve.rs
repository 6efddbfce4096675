// SPDX-License-Identifier: GPL-2.0-only

//! Is memory kept for the kernel while there is something else to take, and given when there is not?
//!
//! Needs a disk with ext4 on it.

use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::cached;
use crate::gigabytes;
use crate::protocol;
use crate::sys::files;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::mounts;
use crate::sys::process;
use crate::sys::stat::Counters;
use crate::sys::zoneinfo;
use crate::verify;
use crate::Result;

const MIN_FREE: &str = "/proc/sys/vm/min_free_kbytes";
/// Watermarks far below the reserve: they must not be what is seen to keep it. The kernel sets them high in a
/// small machine with transparent huge pages.
const MIN_FREE_KB: &str = "4096";
/// Pages taken between two looks at what is free.
const STEP_PAGES: usize = 64;
/// One in so many of the pages withheld is left alone: a per-CPU list takes thousands at once, and what it has
/// does not help who is out of memory.
const USED: u64 = 2;
/// Time for per-CPU lists and the counters of free memory to settle.
const SETTLE: Duration = Duration::from_secs(2);
/// Times that it is given: what reading has taken when kswapd fell behind, the worker gives back, after a rest of
/// five seconds at most.
const SETTLES: u32 = 10;

/// Fills memory with what can be reclaimed, then with what cannot.
pub(crate) fn run() -> Result<()> {
    mounts::require_disk("ext4")?;
    files::write(MIN_FREE, MIN_FREE_KB)?;
    let kept = withheld()?;
    protocol::metric("withheld_pages", kept);
    protocol::test("something_is_withheld", at_least(kept, 1));
    protocol::test("page_cache_leaves_the_reserve", read_more_than_memory(kept));
    verify::report("after_page_cache");
    mounts::unmount_disk()?;
    let before = Counters::vmstat()?;
    // A process of its own: if it may not have the reserve, it is killed.
    protocol::test(
        "the_last_memory_can_be_had",
        process::run("last", take_the_last),
    );
    let stalls = Counters::vmstat()?
        .since(&before)
        .sum_starting("allocstall");
    protocol::test("nobody_reclaims_for_a_reserve", no_more_than(stalls, 0));
    verify::report("after_last_memory");
    protocol::ok("scenario");
    Ok(())
}

/// Reads holes of a file, which are cached as pages of zeroes, until memory has been filled one and a half times.
fn read_more_than_memory(kept: u64) -> Result<()> {
    let bytes = Counters::meminfo()?.get("MemTotal") * 1024 / 2 * 3;
    cached::read_holes(&Path::new(mounts::DISK).join("holes"), bytes)?;
    thread::sleep(SETTLE);
    let cached = Counters::meminfo()?.get("Cached");
    protocol::metric("cached_kb", cached);
    at_least(cached * 1024, bytes / 3)?;
    let free = settled_in_tainted(kept / 4 * 3)?;
    protocol::metric("free_in_tainted_with_page_cache", free);
    at_least(free, kept / 4 * 3)
}

/// Free pages of gigabytes with memory that cannot move, when there are enough or some time has passed.
fn settled_in_tainted(enough: u64) -> Result<u64> {
    let mut free = free_in_tainted()?;
    for _ in 1..SETTLES {
        if free >= enough {
            break;
        }
        thread::sleep(SETTLE);
        free = free_in_tainted()?;
    }
    Ok(free)
}

/// Takes anonymous memory, with nowhere to put any, until half of what is withheld is in use.
fn take_the_last() -> Result<()> {
    let (page, total) = (memory::page_bytes(), Counters::meminfo()?.get("MemTotal"));
    let area = Mapping::new(total as usize * 1024, libc::MAP_NORESERVE)?;
    area.advise(0, area.len(), libc::MADV_NOHUGEPAGE);
    let most = withheld()?;
    for (n, at) in (0..area.len()).step_by(page).enumerate() {
        area.touch(at);
        if n % STEP_PAGES == 0 && spare()? < most / USED {
            return Ok(());
        }
    }
    Err("there is more memory than there is".into())
}

/// Free pages above the least watermarks.
fn spare() -> Result<u64> {
    let zones = zoneinfo::zones()?;
    let above = |zone: &zoneinfo::Zone| zone.free.saturating_sub(zone.min + zone.protection);
    Ok(zones.iter().map(above).sum())
}

/// Free pages that movable requests leave, in all zones: the last column.
fn withheld() -> Result<u64> {
    let text = files::read(format!("{}/summary", verify::DIR))?;
    let last = |line: &str| line.split_whitespace().last()?.parse::<u64>().ok();
    Ok(text.lines().filter_map(last).sum())
}

/// Free pages of gigabytes with memory that cannot move.
fn free_in_tainted() -> Result<u64> {
    let gigabytes = gigabytes::list()?;
    let tainted = gigabytes.iter().filter(|g| g.tainted());
    Ok(tainted.map(|g| g.free).sum())
}

fn at_least(value: u64, least: u64) -> Result<()> {
    match value >= least {
        true => Ok(()),
        false => Err(format!("{value}, less than {least}").into()),
    }
}

fn no_more_than(value: u64, most: u64) -> Result<()> {
    match value <= most {
        true => Ok(()),
        false => Err(format!("{value}, more than {most}").into()),
    }
}
