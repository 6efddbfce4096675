// SPDX-License-Identifier: GPL-2.0-only

//! Do certain gigabytes become 1 GB pages?

use std::path::Path;

use crate::books;
use crate::hugepages::Size;
use crate::pagemap::Walker;
use crate::protocol;
use crate::sys::files;
use crate::sys::ram::Range;
use crate::sys::stat::Counters;
use crate::Result;

/// Without it, 1 GB pages never come from movable memory.
const MOVABLE: &str = "/proc/sys/vm/movable_gigantic_pages";
/// Gigabytes of free memory not asked for.
const MARGIN: u64 = 1;

/// Takes 1 GB pages, checks that `wanted` are among them, and gives them back.
pub(super) fn take(wanted: &[Range]) -> Result<()> {
    if !Size::Giga.exists() {
        protocol::log("skipped: this CPU or kernel has no 1 GB pages");
        return Ok(());
    }
    if wanted.is_empty() {
        return Err("no added gigabyte is complete".into());
    }
    if Path::new(MOVABLE).exists() {
        files::write(MOVABLE, "1")?;
    }
    // Zones with added memory come first, but nobody promises that.
    let asked = (Counters::meminfo()?.get("MemFree") >> 20).saturating_sub(MARGIN);
    let got = Size::Giga.request(asked)?;
    protocol::log(format_args!(
        "{} of {asked} 1 GB pages in {:.2} s, {} gigabytes wanted",
        got.obtained,
        got.seconds,
        wanted.len()
    ));
    let missing = missing(wanted);
    Size::Giga.request(0)?;
    match missing?[..] {
        [] => Ok(()),
        ref missing => Err(format!("no 1 GB page from gigabytes {missing:?}").into()),
    }
}

/// Numbers of the gigabytes that are no 1 GB page.
fn missing(wanted: &[Range]) -> Result<Vec<u64>> {
    let mut walker = Walker::new()?;
    let mut missing = Vec::new();
    for range in wanted {
        if !walker.is_hugetlb(*range)? {
            missing.push(range.start / books::pages_per_gigabyte());
        }
    }
    Ok(missing)
}
