// SPDX-License-Identifier: GPL-2.0-only

//! Does a crash kernel find all free pages of the kernel that died?

use super::kcore;
use crate::cmdline::Cmdline;
use crate::dump;
use crate::dump::Dump;
use crate::dump::FreeZone;
use crate::protocol;
use crate::Result;

/// Pages by which a zone's counter may lag: the deltas that CPUs keep.
const SLACK: u64 = 4096;
/// The part of free memory that may come or go between counting and the panic: loading the crash kernel takes and gives
/// back its file, and CPUs drain the pages they cache. Order by order the lists must agree exactly.
const DRIFT: u64 = 64;

/// Walks the free lists in the dump; `free` is what the dead kernel counted, `blocks` whether it had any.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    let zones = Dump::open("/proc/vmcore")?.zones()?;
    kcore::show(&zones);
    protocol::test("lists_agree_with_counts_vmcore", lists_agree(&zones));
    protocol::test("zones_count_as_much_vmcore", zones_agree(&zones));
    let free = cmdline.number("free", 0);
    protocol::test("free_memory_as_before_the_panic", as_before(&zones, free));
    let blocks = cmdline.number("blocks", 0) == 1;
    protocol::test("blocks_matter_vmcore", kcore::blocks_matter(&zones, blocks));
    Ok(())
}

/// Nothing runs any more: each order must agree exactly.
fn lists_agree(zones: &[FreeZone]) -> Result<()> {
    for zone in zones {
        let found = zone.entries();
        if found != zone.counted {
            let counted = &zone.counted;
            return Err(format!("found by order {found:?}, the zone counts {counted:?}").into());
        }
    }
    Ok(())
}

/// What a dump tool checks: the sum of the lists is the zone's counter.
fn zones_agree(zones: &[FreeZone]) -> Result<()> {
    for zone in zones {
        let found = dump::pages(&zone.entries());
        if found.abs_diff(zone.free_pages) > SLACK {
            return Err(format!("found {found} pages, the zone counts {}", zone.free_pages).into());
        }
    }
    Ok(())
}

fn as_before(zones: &[FreeZone], before: u64) -> Result<()> {
    let found: u64 = zones.iter().map(|z| dump::pages(&z.entries())).sum();
    protocol::metric("dump_free_pages", found);
    if found.abs_diff(before) > before / DRIFT {
        return Err(format!("found {found} pages, there were {before} before").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(own: u64, counted: u64, free_pages: u64) -> FreeZone {
        FreeZone {
            own: vec![own],
            in_blocks: vec![0],
            counted: vec![counted],
            free_pages,
            ..FreeZone::default()
        }
    }

    #[test]
    fn lists_must_agree_exactly_and_counters_nearly() {
        assert!(lists_agree(&[zone(5, 5, 5)]).is_ok());
        assert!(lists_agree(&[zone(5, 6, 5)]).is_err());
        assert!(zones_agree(&[zone(5, 5, 5 + SLACK)]).is_ok());
        assert!(zones_agree(&[zone(5, 5, 6 + SLACK)]).is_err());
        assert!(as_before(&[zone(6500, 5, 5)], 6400).is_ok());
        assert!(as_before(&[zone(6501, 5, 5)], 6400).is_err());
    }
}
