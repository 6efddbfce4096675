// SPDX-License-Identifier: GPL-2.0-only

//! What does `/proc/pagetypeinfo` say about free lists and pageblocks?

use std::collections::BTreeSet;

use super::files;
use crate::Result;

/// `/proc/pagetypeinfo`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TypeInfo {
    lists: Vec<Lists>,
    /// Type and number of the pageblocks that have it, for each zone.
    pageblocks: Vec<(String, u64)>,
}

/// The free lists of one zone and type.
#[derive(Debug, PartialEq, Eq)]
struct Lists {
    /// `0 DMA32`
    zone: String,
    migratetype: String,
    counts: Vec<Count>,
}

/// Length of one list; `None` where the kernel gave up counting: it is not empty then.
type Count = Option<u64>;

impl TypeInfo {
    /// Reads it.
    pub(crate) fn read() -> Result<Self> {
        Ok(Self::parse(&files::read("/proc/pagetypeinfo")?))
    }

    fn parse(text: &str) -> Self {
        let mut info = Self::default();
        let mut types: Vec<String> = Vec::new();
        for line in text.lines() {
            if let Some(names) = line.strip_prefix("Number of blocks type") {
                types = names.split_whitespace().map(str::to_string).collect();
            } else if let Some(lists) = lists(line) {
                info.lists.push(lists);
            } else if let Some(counts) = counts_after(line, 4).filter(|_| line.starts_with("Node"))
            {
                let counts = counts.into_iter().map(|count| count.unwrap_or(0));
                info.pageblocks.extend(types.iter().cloned().zip(counts));
            }
        }
        info
    }

    /// All free pages, or `None` if the kernel gave up counting a list.
    pub(crate) fn pages(&self) -> Option<u64> {
        self.lists.iter().map(|l| pages_by_order(&l.counts)).sum()
    }

    /// Free pages of a type, or `None` if the kernel gave up counting a list.
    pub(crate) fn pages_of(&self, migratetype: &str) -> Option<u64> {
        let lists = self.lists.iter().filter(|l| l.migratetype == migratetype);
        lists.map(|l| pages_by_order(&l.counts)).sum()
    }

    /// Pageblocks of these types.
    pub(crate) fn pageblocks(&self, migratetypes: &[&str]) -> u64 {
        let wanted = |name: &String| migratetypes.contains(&name.as_str());
        let counts = self.pageblocks.iter().filter(|(name, _)| wanted(name));
        counts.map(|(_, count)| count).sum()
    }

    /// `(zone, order, type)` of every list that is not empty.
    pub(crate) fn filled(&self) -> BTreeSet<(String, usize, String)> {
        let of_one = |l: &Lists| {
            let filled = |(order, count): (usize, &Count)| {
                (*count != Some(0)).then(|| (l.zone.clone(), order, l.migratetype.clone()))
            };
            let filled: Vec<_> = l.counts.iter().enumerate().filter_map(filled).collect();
            filled
        };
        self.lists.iter().flat_map(of_one).collect()
    }
}

/// `Node    0, zone    DMA32, type    Unmovable     1     0 …`
fn lists(line: &str) -> Option<Lists> {
    let (place, rest) = line.split_once(", type")?;
    let (node, zone) = place.strip_prefix("Node")?.split_once(", zone")?;
    let migratetype = rest.split_whitespace().next()?.to_string();
    Some(Lists {
        zone: format!("{} {}", node.trim(), zone.trim()),
        migratetype,
        counts: counts_after(rest, 1)?,
    })
}

/// The counts of a line after `skip` words; `None` if there is something else.
fn counts_after(line: &str, skip: usize) -> Option<Vec<Count>> {
    let count = |word: &str| match word.strip_prefix('>') {
        Some(_) => Some(None),
        None => word.parse().ok().map(Some),
    };
    line.split_whitespace().skip(skip).map(count).collect()
}

/// Sums up free lists given by length, order 0 first.
fn pages_by_order(counts: &[Count]) -> Option<u64> {
    let pages = |(order, count): (usize, &Count)| count.map(|n| n << order);
    counts.iter().enumerate().map(pages).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
Page block order: 9
Pages per block:  512

Free pages count per migrate type at order       0      1
Node    0, zone      DMA, type    Unmovable      1      2
Node    0, zone      DMA, type      Movable      0      4
Node    0, zone      DMA, type          CMA >100000      0

Number of blocks type     Unmovable      Movable          CMA
Node 0, zone      DMA            1            7            5
Node 1, zone   Normal            2            9            0
";

    #[test]
    fn lists_and_pageblocks_are_told_apart() {
        let info = TypeInfo::parse(TEXT);
        assert_eq!(info.pages_of("Unmovable"), Some(1 + 4));
        assert_eq!(info.pages_of("Movable"), Some(8));
        assert_eq!(info.pageblocks(&["Unmovable", "CMA"]), 1 + 5 + 2);
    }

    #[test]
    fn a_list_too_long_to_count_is_not_empty() {
        let info = TypeInfo::parse(TEXT);
        assert_eq!(info.pages_of("CMA"), None);
        assert_eq!(info.pages(), None);
        let list = |order, name: &str| ("0 DMA".to_string(), order, name.to_string());
        let expected = [
            list(0, "CMA"),
            list(0, "Unmovable"),
            list(1, "Movable"),
            list(1, "Unmovable"),
        ];
        assert_eq!(info.filled(), expected.into());
    }
}
