// SPDX-License-Identifier: GPL-2.0-only

//! Do the totals of free memory agree while nothing happens?

use crate::drain;
use crate::protocol;
use crate::sys::buddyinfo;
use crate::sys::memory;
use crate::sys::pagetypeinfo::TypeInfo;
use crate::sys::stat::Counters;
use crate::sys::zoneinfo;
use crate::verify;
use crate::Result;

/// Pages by which two readers may differ: each looks at another moment, and CPUs keep small deltas.
const SLACK: u64 = 2048;

/// Compares all readers, then runs the kernel's own check; tests are named after `step`.
pub(crate) fn report(step: &str) {
    protocol::test(&format!("totals_agree_{step}"), agree());
    verify::report(step);
}

/// Compares buddyinfo, pagetypeinfo and vmstat with the zones' counts.
fn agree() -> Result<()> {
    drain::decay();
    let zones: u64 = zoneinfo::zones()?.iter().map(|z| z.free).sum();
    let readers = [
        ("buddyinfo", Some(buddyinfo::pages()?)),
        ("pagetypeinfo", TypeInfo::read()?.pages()),
        ("vmstat", Some(Counters::vmstat()?.get("nr_free_pages"))),
    ];
    for (name, pages) in readers {
        match pages {
            Some(pages) if pages.abs_diff(zones) > SLACK => {
                return Err(format!("{name} has {pages} free pages, zones count {zones}").into());
            }
            Some(_) => {}
            None => protocol::log(format_args!("{name} cut off its counts")),
        }
    }
    Ok(())
}

/// Kilobytes that are free, those on per-CPU lists included.
pub(crate) fn free_kb() -> Result<u64> {
    drain::decay();
    let per_cpu = zoneinfo::per_cpu_pages()? * memory::page_bytes() as u64 / 1024;
    Ok(Counters::meminfo()?.get("MemFree") + per_cpu)
}

/// Fails if more than `tolerance` kilobytes are missing of `before`.
///
/// More may be free than before: reclaim takes caches that were there.
pub(crate) fn came_back(before: u64, tolerance: u64) -> Result<()> {
    let after = free_kb()?;
    protocol::log(format_args!(
        "free: {before} kB before, {after} kB after, {tolerance} kB allowed to stay away"
    ));
    if after + tolerance < before {
        return Err(format!("{} kB did not come back", before - after).into());
    }
    Ok(())
}
