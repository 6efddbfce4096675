// SPDX-License-Identifier: GPL-2.0-only

//! Does SysRq-m show what the free lists hold?

use std::collections::BTreeSet;

use crate::protocol;
use crate::sys::files;
use crate::sys::kmsg::Kmsg;
use crate::sys::memory;
use crate::sys::pagetypeinfo::TypeInfo;
use crate::sys::zoneinfo;
use crate::Result;

/// Pages by which the sum may differ from the zones' counts, which are of another moment.
const SLACK: u64 = 4096;

/// Times that it is asked until both are right: lists change meanwhile, and other messages may break into a line.
const ATTEMPTS: u32 = 5;

/// The letters of `show_migration_types()`.
const TYPES: [(char, &str); 6] = [
    ('U', "Unmovable"),
    ('M', "Movable"),
    ('E', "Reclaimable"),
    ('H', "HighAtomic"),
    ('C', "CMA"),
    ('I', "Isolate"),
];

/// A list that is not empty: zone, order, type.
type List = (String, usize, String);

/// One zone line.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    lists: BTreeSet<List>,
    kilobytes: u64,
}

/// Asks for SysRq-m; compares totals with the zones' counts, and the types it names with pagetypeinfo.
pub(super) fn run() -> Result<()> {
    let (mut totals, mut types) = compare()?;
    for _ in 1..ATTEMPTS {
        if totals.is_ok() && types.is_ok() {
            break;
        }
        (totals, types) = compare()?;
    }
    protocol::test("sysrq_m_agrees", totals);
    protocol::test("sysrq_m_types_agree", types);
    Ok(())
}

/// Whether totals agree, and types.
fn compare() -> Result<(Result<()>, Result<()>)> {
    let before = TypeInfo::read()?.filled();
    let lines = ask()?;
    let after = TypeInfo::read()?.filled();
    let totals = totals_agree(&lines);
    let shown = lines.into_iter().flat_map(|line| line.lists).collect();
    Ok((totals, types_agree(&before, &shown, &after)))
}

fn ask() -> Result<Vec<Line>> {
    let mut log = Kmsg::from_now()?;
    files::write("/proc/sysrq-trigger", "m")?;
    let lines: Vec<Line> = log.lines().iter().filter_map(|line| parse(line)).collect();
    match lines.len() {
        0 => Err("no zone line was printed".into()),
        _ => Ok(lines),
    }
}

fn totals_agree(lines: &[Line]) -> Result<()> {
    let kilobytes: u64 = lines.iter().map(|line| line.kilobytes).sum();
    let pages = kilobytes * 1024 / memory::page_bytes() as u64;
    let free: u64 = zoneinfo::zones()?.iter().map(|zone| zone.free).sum();
    if pages.abs_diff(free) > SLACK {
        return Err(format!("SysRq-m sums up to {pages} pages, zones count {free}").into());
    }
    Ok(())
}

/// A list that was filled before and after must be shown as such, one that was empty must not.
fn types_agree(
    before: &BTreeSet<List>,
    shown: &BTreeSet<List>,
    after: &BTreeSet<List>,
) -> Result<()> {
    let filled: BTreeSet<List> = before & after;
    let missing: Vec<&List> = filled.difference(shown).collect();
    let seen: BTreeSet<List> = before | after;
    let excess: Vec<&List> = shown.difference(&seen).collect();
    if filled.is_empty() || !missing.is_empty() || !excess.is_empty() {
        let count = filled.len();
        return Err(
            format!("of {count} lists {missing:?} are not shown, {excess:?} are empty").into(),
        );
    }
    Ok(())
}

/// `Node 0 DMA: 1*4kB (U) 0*8kB 2*16kB (UM) … = 15360kB`
fn parse(line: &str) -> Option<Line> {
    let (zone, rest) = line.strip_prefix("Node ")?.split_once(": ")?;
    let (entries, total) = rest.rsplit_once("= ")?;
    let mut order = 0;
    let mut lists = BTreeSet::new();
    for word in entries.split_whitespace() {
        if let Some(letters) = word.strip_prefix('(') {
            let letters = letters.trim_end_matches(')').chars();
            // The letters follow their order's count.
            let list = |letter| Some((zone.to_string(), order - 1, name(letter)?.to_string()));
            lists.extend(letters.filter_map(list));
        } else {
            word.strip_suffix("kB")?.split_once('*')?;
            order += 1;
        }
    }
    (order > 0).then_some(())?;
    let kilobytes = total.strip_suffix("kB")?.parse().ok()?;
    Some(Line { lists, kilobytes })
}

fn name(letter: char) -> Option<&'static str> {
    let found = TYPES.iter().find(|(known, _)| *known == letter);
    found.map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(order: usize, migratetype: &str) -> List {
        ("0 DMA".to_string(), order, migratetype.to_string())
    }

    #[test]
    fn letters_belong_to_the_order_before_them() {
        let line = parse("Node 0 DMA: 0*4kB 1*8kB (U) 3*16kB (UM) = 56kB").expect("a zone line");
        let lists = [
            list(1, "Unmovable"),
            list(2, "Unmovable"),
            list(2, "Movable"),
        ];
        assert_eq!(line.lists, lists.into());
        assert_eq!(line.kilobytes, 56);
    }

    #[test]
    fn other_lines_of_show_mem_are_no_zones() {
        for line in [
            "Mem-Info:",
            "Node 0 DMA free:15360kB boost:0kB min:32kB",
            "Node 0 hugepages_total=0 hugepages_free=0 hugepages_surp=0 hugepages_size=2048kB",
            "lowmem_reserve[]: 0 2991 3974 3974 3974",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn types_must_match_unless_they_change() {
        let one: BTreeSet<List> = [list(0, "Movable")].into();
        let two: BTreeSet<List> = [list(0, "Movable"), list(0, "CMA")].into();
        assert!(types_agree(&one, &one, &one).is_ok());
        assert!(types_agree(&one, &two, &two).is_ok());
        assert!(types_agree(&two, &one, &two).is_err());
        assert!(types_agree(&one, &two, &one).is_err());
        let none = BTreeSet::new();
        assert!(types_agree(&none, &none, &none).is_err());
    }
}
