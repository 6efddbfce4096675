// SPDX-License-Identifier: GPL-2.0-only

//! How many free pages are on the lists of each zone?

use super::layout::BlockLayout;
use super::layout::Layout;
use super::Memory;
use crate::Result;

/// Entries by which a list may exceed its zone's counter before a walk is given up: on a running kernel,
/// a page that moves while it is looked at leads the walk to another list.
const EXCESS: u64 = 4096;

/// The free lists of one zone; all counts by order, in entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FreeZone {
    /// Node number.
    pub(crate) node: u64,
    /// Entries on the zone's own lists.
    pub(crate) own: Vec<u64>,
    /// Entries on the lists of superpageblocks.
    pub(crate) in_blocks: Vec<u64>,
    /// What the zone counts.
    pub(crate) counted: Vec<u64>,
    /// The zone's counter of free pages; CPUs keep small deltas.
    pub(crate) free_pages: u64,
    /// Superpageblocks in the zone.
    pub(crate) blocks: u64,
}

impl FreeZone {
    /// Entries on all lists, by order.
    pub(crate) fn entries(&self) -> Vec<u64> {
        let both = self.own.iter().zip(&self.in_blocks);
        both.map(|(own, blocks)| own + blocks).collect()
    }
}

/// Pages in entries by order.
pub(crate) fn pages(entries: &[u64]) -> u64 {
    let pages = entries.iter().enumerate();
    pages.map(|(order, count)| count << order).sum()
}

/// Walks the free lists of all zones that have memory.
pub(crate) fn zones(memory: &impl Memory, layout: &Layout) -> Result<Vec<FreeZone>> {
    let mut zones = Vec::new();
    for number in 0..layout.nodes {
        let node = memory.word(layout.node_data + number * 8)?;
        if node == 0 {
            continue;
        }
        let count = memory.word(node + layout.nr_zones)? & u64::from(u32::MAX);
        for index in 0..count {
            let address = node + layout.node_zones + index * layout.zone_bytes;
            if memory.word(address + layout.spanned)? > 0 {
                zones.push(zone(memory, layout, number, address)?);
            }
        }
    }
    Ok(zones)
}

fn zone(memory: &impl Memory, layout: &Layout, node: u64, address: u64) -> Result<FreeZone> {
    let areas = address + layout.free_area;
    let nr_free = |order| memory.word(areas + order * layout.area_bytes + layout.nr_free());
    let counted = (0..layout.orders)
        .map(nr_free)
        .collect::<Result<Vec<_>>>()?;
    let walk = Walk {
        memory,
        layout,
        counted: &counted,
    };
    let mut in_blocks = vec![0; counted.len()];
    let blocks = match &layout.blocks {
        Some(at) => blocks(memory, at, address)?,
        None => Vec::new(),
    };
    for block in &blocks {
        let found = walk.areas(*block)?;
        in_blocks
            .iter_mut()
            .zip(found)
            .for_each(|(sum, n)| *sum += n);
    }
    Ok(FreeZone {
        node,
        own: walk.areas(areas)?,
        in_blocks,
        free_pages: memory.word(address + layout.free_pages)?,
        blocks: blocks.len() as u64,
        counted,
    })
}

/// Addresses of the superpageblocks of the zone at `zone`: each begins with its free areas.
fn blocks(memory: &impl Memory, at: &BlockLayout, zone: u64) -> Result<Vec<u64>> {
    let count = memory.word(zone + at.len)?.div_ceil(at.pages);
    let array = memory.word(zone + at.array)?;
    (0..count).map(|i| memory.word(array + i * 8)).collect()
}

/// A walk over the free lists of one zone.
struct Walk<'a, M> {
    memory: &'a M,
    layout: &'a Layout,
    /// Entries that the zone counts in each order.
    counted: &'a [u64],
}

impl<M: Memory> Walk<'_, M> {
    /// Entries by order in the free areas at `address`.
    fn areas(&self, address: u64) -> Result<Vec<u64>> {
        let area = |order| self.area(address + order * self.layout.area_bytes, order);
        (0..self.layout.orders).map(area).collect()
    }

    fn area(&self, address: u64, order: u64) -> Result<u64> {
        let lists = address + self.layout.free_list;
        let list = |number| self.list(lists + number * self.layout.list_bytes, order);
        (0..self.layout.types).map(list).sum()
    }

    fn list(&self, head: u64, order: u64) -> Result<u64> {
        let most = self.counted.get(order as usize).map_or(0, |n| n + EXCESS);
        let mut entry = self.memory.word(head + self.layout.next)?;
        let mut count = 0;
        while entry != head {
            entry = self.next_free_page(entry, order)?;
            count += 1;
            if count > most {
                return Err(format!("the list of order {order} at {head:#x} has no end").into());
            }
        }
        Ok(count)
    }

    /// What follows the list entry of a page, which must be free and of `order`.
    fn next_free_page(&self, entry: u64, order: u64) -> Result<u64> {
        let layout = &self.layout.page;
        let page = entry.wrapping_sub(layout.lru);
        let mut bytes = vec![0; layout.bytes as usize];
        self.memory.read(page, &mut bytes)?;
        let kind = number(&bytes, layout.page_type, 4)? as u32;
        let found = number(&bytes, layout.private, 8)?;
        // Only the top byte is the type.
        if kind >> 24 != layout.buddy >> 24 || found != order {
            return Err(format!(
                "page {page:#x} on a list of order {order} has type {kind:#x} and order {found}"
            )
            .into());
        }
        number(&bytes, layout.lru + self.layout.next, 8)
    }
}

/// The number of `len` bytes at `offset`.
fn number(bytes: &[u8], offset: u64, len: usize) -> Result<u64> {
    let start = offset as usize;
    let field = bytes.get(start..start + len);
    let field = field.ok_or("VMCOREINFO puts a field outside of struct page")?;
    Ok(field
        .iter()
        .rev()
        .fold(0, |sum, b| sum << 8 | u64::from(*b)))
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
