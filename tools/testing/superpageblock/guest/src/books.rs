// SPDX-License-Identifier: GPL-2.0-only

//! Does the kernel's list of gigabytes match the memory that is online?
//!
//! What is online is known from sysfs, memory block by memory block, each in one zone. Only memory that
//! was added at run time is compared: boot keeps parts of the rest for itself.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use metrics::map::BLOCK_BYTES;

use crate::gigabytes;
use crate::gigabytes::Gigabyte;
use crate::sys::memory;
use crate::sys::memoryblocks;
use crate::sys::ram::Range;
use crate::verify;
use crate::Result;

/// A part of a gigabyte: node, zone, number of the gigabyte.
type Place = (u64, String, u64);

/// Online pages by place.
pub(crate) type Online = BTreeMap<Place, u64>;

fn place(of: &Gigabyte, pages: u64) -> Place {
    (of.node, of.zone.clone(), of.start / pages)
}

/// What is online from page frame `floor` up.
pub(crate) fn online(floor: u64) -> Result<Online> {
    let added = Range {
        start: floor,
        end: u64::MAX,
    };
    let mut online = Online::new();
    for block in memoryblocks::within(added)? {
        if let Some((node, zone)) = block.place()? {
            let gigabyte = block.frames.start / pages_per_gigabyte();
            *online.entry((node, zone, gigabyte)).or_default() += block.frames.pages();
        }
    }
    Ok(online)
}

/// Page frames of the gigabytes that are wholly online in one zone.
pub(crate) fn complete(online: &Online) -> Vec<Range> {
    let pages = pages_per_gigabyte();
    let whole = online.iter().filter(|(_, found)| **found == pages);
    let range = |gigabyte: u64| Range {
        start: gigabyte * pages,
        end: (gigabyte + 1) * pages,
    };
    whole.map(|(place, _)| range(place.2)).collect()
}

/// Compares the kernel's list with what is online from page frame `floor` up. Stock kernels have none.
pub(crate) fn check(floor: u64) -> Result<()> {
    if !verify::patched() {
        return Ok(());
    }
    let pages = pages_per_gigabyte();
    let rows = gigabytes::list()?;
    let wrong = differences(&online(floor)?, &rows, floor / pages, pages);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(wrong.join("; ").into())
}

/// Pages in a gigabyte.
pub(crate) fn pages_per_gigabyte() -> u64 {
    BLOCK_BYTES / memory::page_bytes() as u64
}

/// What is wrong with `rows`, from gigabyte `floor` up. Zones without a complete gigabyte may have none.
fn differences(online: &Online, rows: &[Gigabyte], floor: u64, pages: u64) -> Vec<String> {
    let listed: BTreeSet<(u64, &str)> = rows
        .iter()
        .map(|row| (row.node, row.zone.as_str()))
        .collect();
    let mut wrong = Vec::new();
    for (at, &found) in online {
        let attached = listed.contains(&(at.0, at.1.as_str()));
        match rows.iter().find(|row| place(row, pages) == *at) {
            Some(row) => wrong.extend(difference(row, found, pages)),
            None if attached || found == pages => {
                wrong.push(format!("{}: {found} pages are not listed", name(at)));
            }
            None => {}
        }
    }
    let added = rows.iter().map(|row| (row, place(row, pages)));
    let added = added.filter(|(_, at)| at.2 >= floor);
    let gone = added.filter(|(row, at)| row.present > 0 && !online.contains_key(at));
    wrong.extend(gone.map(|(row, at)| {
        let present = row.present;
        format!("{}: {present} pages are listed, none is online", name(&at))
    }));
    wrong
}

fn difference(row: &Gigabyte, online: u64, pages: u64) -> Option<String> {
    let place = name(&place(row, pages));
    if row.present != online {
        let listed = row.present;
        return Some(format!("{place}: {listed} pages listed, {online} online"));
    }
    let state = &row.state;
    (row.complete() != (online == pages))
        .then(|| format!("{place}: {online} pages online, state is {state}"))
}

fn name(place: &Place) -> String {
    let (node, zone, gigabyte) = place;
    format!("node {node} zone {zone} gigabyte {gigabyte}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of gigabytes of 100 pages.
    const TEXT: &str = "\
node zone       start-pfn state           present    free order dirty   Unmovable
   0 Normal         0x190 tainted             100      10     9     3           1
   0 Normal         0x1f4 partial-clean        40      40    10     0           0
   0 Movable        0x1f4 partial-clean        60      60    10     0           0
   0 Movable        0x258 empty               100     100    10     0           0
";

    fn wrong(online: &[(&str, u64, u64)]) -> Vec<String> {
        let online = online
            .iter()
            .map(|&(zone, gigabyte, pages)| ((0, zone.to_string(), gigabyte), pages))
            .collect();
        differences(&online, &gigabytes::parse(TEXT), 5, 100)
    }

    #[test]
    fn what_matches_is_not_wrong() {
        let online = [("Normal", 5, 40), ("Movable", 5, 60), ("Movable", 6, 100)];
        assert_eq!(wrong(&online), [""; 0]);
    }

    #[test]
    fn counts_and_missing_rows_are_wrong() {
        let online = [("Normal", 5, 50), ("Movable", 5, 60), ("Movable", 7, 10)];
        assert_eq!(
            wrong(&online),
            [
                "node 0 zone Movable gigabyte 7: 10 pages are not listed",
                "node 0 zone Normal gigabyte 5: 40 pages listed, 50 online",
                "node 0 zone Movable gigabyte 6: 100 pages are listed, none is online",
            ]
        );
    }

    #[test]
    fn a_gigabyte_is_complete_when_all_of_it_is_online() {
        let mut row = gigabytes::parse("0 Normal 0x190 clean 40 0").remove(0);
        assert!(difference(&row, 40, 100).is_some());
        row.state = "partial-clean".to_string();
        assert!(difference(&row, 40, 100).is_none());
    }

    #[test]
    fn zones_without_a_complete_gigabyte_need_no_rows() {
        let online = |pages| Online::from([((1, "Normal".to_string(), 9), pages)]);
        assert!(differences(&online(99), &[], 5, 100).is_empty());
        assert_eq!(differences(&online(100), &[], 5, 100).len(), 1);
    }
}
