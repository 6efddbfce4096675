// SPDX-License-Identifier: GPL-2.0-only

//! Is the policy attached, and does that show everywhere?

use std::path::Path;

use crate::sys::files;
use crate::sys::memory;
use crate::sys::module;
use crate::sys::ram;
use crate::sys::ram::Range;
use crate::sys::zoneinfo;
use crate::verify;
use crate::Result;

/// The module's file in the initramfs.
pub(super) const FILE: &str = "/lib/superpageblock_policy.ko";
/// The module's name.
pub(super) const NAME: &str = "superpageblock_policy";

/// A zone, by node and name.
type ZoneName = (u64, String);

/// Loads the module; all zones that can must be attached then.
pub(super) fn attach(parameters: &str) -> Result<()> {
    module::load(FILE, parameters).map_err(|e| format!("insmod {parameters}: {e}"))?;
    expect_attached()?;
    verify::check()
}

/// Removes the module; no zone may be attached then.
pub(super) fn detach() -> Result<()> {
    module::unload(NAME).map_err(|e| format!("rmmod: {e}"))?;
    expect_detached()?;
    verify::check()
}

/// Every zone with a complete gigabyte is attached, and no other.
pub(super) fn expect_attached() -> Result<()> {
    let bytes = memory::page_bytes() as u64;
    let expected = large_zones(&ram::ranges(bytes)?, &zoneinfo::zones()?, bytes);
    let found = attached()?;
    match !found.is_empty() && found == expected {
        true => Ok(()),
        false => Err(format!("attached {found:?}, expected {expected:?}").into()),
    }
}

/// The debugfs directory is there, and no zone is attached.
pub(super) fn expect_detached() -> Result<()> {
    let found = attached()?;
    match found.is_empty() {
        true => Ok(()),
        false => Err(format!("still attached: {found:?}").into()),
    }
}

/// Whether the module is loaded, attached or not.
pub(super) fn loaded() -> bool {
    Path::new("/sys/module").join(NAME).join("refcnt").exists()
}

/// The zones that debugfs lists.
pub(super) fn attached() -> Result<Vec<ZoneName>> {
    Ok(listed(&files::read(format!("{}/summary", verify::DIR))?))
}

/// Lines that start with a node's number and a zone's name.
fn listed(summary: &str) -> Vec<ZoneName> {
    let zone = |line: &str| {
        let mut words = line.split_whitespace();
        let node = words.next()?.parse().ok()?;
        Some((node, words.next()?.to_string()))
    };
    let mut zones: Vec<ZoneName> = summary.lines().filter_map(zone).collect();
    zones.sort();
    zones
}

/// The zones in which an aligned gigabyte is all memory.
fn large_zones(memory: &[Range], zones: &[zoneinfo::Zone], page_bytes: u64) -> Vec<ZoneName> {
    let pages = metrics::map::BLOCK_BYTES / page_bytes;
    let holds_one = |part: Range| part.start.next_multiple_of(pages) + pages <= part.end;
    let mut large: Vec<ZoneName> = zones
        .iter()
        .filter(|zone| memory.iter().any(|r| holds_one(r.intersect(zone.span()))))
        .map(|zone| (zone.node, zone.name.clone()))
        .collect();
    large.sort();
    large
}

#[cfg(test)]
mod tests {
    use super::*;

    const G: u64 = 1 << 18;

    fn zone(name: &str, start: u64, end: u64) -> zoneinfo::Zone {
        zoneinfo::Zone {
            name: name.into(),
            start,
            spanned: end - start,
            ..zoneinfo::Zone::default()
        }
    }

    #[test]
    fn the_heading_of_summary_is_no_zone() {
        let text = "node zone      blocks  clean\n   0 Normal         1      1\n   0 DMA32          3      0\n";
        assert_eq!(listed(text), [(0, "DMA32".into()), (0, "Normal".into())]);
        assert!(listed("node zone blocks\n").is_empty());
    }

    #[test]
    fn a_gigabyte_counts_only_if_aligned_and_whole() {
        let memory = [
            Range {
                start: 256,
                end: 3 * G - 32,
            },
            Range {
                start: 4 * G,
                end: 5 * G,
            },
        ];
        let zones = [
            zone("DMA", 1, 4096),
            zone("DMA32", 4096, 4 * G),
            zone("Normal", 4 * G, 5 * G),
        ];
        let large = large_zones(&memory, &zones, 4096);
        assert_eq!(large, [(0, "DMA32".into()), (0, "Normal".into())]);
        let small = large_zones(&memory, &[zone("Normal", 4 * G, 5 * G - 1)], 4096);
        assert!(small.is_empty());
    }
}
