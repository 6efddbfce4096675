// SPDX-License-Identifier: GPL-2.0-only

//! Does memory that was used and freed go back to the host?
//!
//! Free page reporting tells the host about free pages of a pageblock or more, some every two seconds.
//! What the host does with them shows in the resident memory of the virtual machine's process.

use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::filler::Filler;
use crate::host;
use crate::protocol;
use crate::sys::stat::Counters;
use crate::verify;
use crate::Result;

/// Percentage of freed memory that must go back.
const LEAST: u64 = 80;
/// Percentage at which there is nothing more to wait for.
const ENOUGH: u64 = 97;
/// Bytes of reported memory that are used again.
const USED_AGAIN: u64 = 1 << 30;
/// Longest time for all passes over the free lists.
const PATIENCE: Duration = Duration::from_secs(40);
/// Time between two looks, that of one pass.
const PAUSE: Duration = Duration::from_secs(2);

/// Fills memory, frees it, watches the host get it, and uses some of it again.
pub(crate) fn run() -> Result<()> {
    let total = Counters::meminfo()?.get("MemTotal");
    let mut filler = Filler::default();
    let before = host::resident_mib()?;
    filler.fill(total / 10, u64::MAX)?;
    let filled = host::resident_mib()?;
    let freed = filler.bytes() >> 20;
    protocol::metric("filled_mb", freed);
    protocol::metric("rss_before", before);
    protocol::metric("rss_filled", filled);
    let grown = filled.saturating_sub(before);
    protocol::test("host_memory_is_used", at_least(grown, freed));
    drop(filler);
    verify::report("after_freeing");
    protocol::test("host_memory_comes_back", comes_back(filled, freed));
    verify::report("after_reporting");
    protocol::test("reported_memory_is_used_again", use_again(total));
    verify::report("after_use");
    Ok(())
}

/// Watches resident memory fall from `filled` MiB by most of `freed`.
fn comes_back(filled: u64, freed: u64) -> Result<()> {
    let start = Instant::now();
    let mut returned = 0;
    while start.elapsed() < PATIENCE && returned * 100 < freed * ENOUGH {
        thread::sleep(PAUSE);
        // Pages that are being reported are on no list for the moment.
        verify::check()?;
        returned = filled.saturating_sub(host::resident_mib()?);
    }
    protocol::metric("returned_mb", returned);
    let seconds = start.elapsed().as_secs_f64();
    protocol::metric("seconds_reporting", format_args!("{seconds:.1}"));
    at_least(returned, freed)
}

fn at_least(found: u64, all: u64) -> Result<()> {
    if found * 100 < all * LEAST {
        return Err(format!("{found} of {all} MB, less than {LEAST} %").into());
    }
    Ok(())
}

fn use_again(total: u64) -> Result<()> {
    let mut filler = Filler::default();
    filler.fill(total / 10, USED_AGAIN)?;
    filler.check()
}
