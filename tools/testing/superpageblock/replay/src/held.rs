// SPDX-License-Identifier: GPL-2.0-only

//! Which page of the model stands for which page of the recorded machine?

use std::collections::HashMap;

use crate::rmqueue::Page;

/// Highest order of an allocation.
const MAX_ORDER: u32 = 10;
/// No page of the recorded machine.
const NOBODY: u32 = u32::MAX;

/// Pages in use: by number on the recorded machine, and by place in the model.
pub(crate) struct Held {
    pages: HashMap<u32, Page>,
    /// For each block and first page, who is there.
    owners: Vec<Vec<u32>>,
}

impl Held {
    /// Nothing is in use in `blocks` blocks of `pages` pages.
    pub(crate) fn new(blocks: usize, pages: u32) -> Self {
        Self {
            pages: HashMap::new(),
            owners: vec![vec![NOBODY; pages as usize]; blocks],
        }
    }

    /// `page` now stands for what begins at `pfn`.
    pub(crate) fn put(&mut self, pfn: u32, page: Page) {
        self.owners[page.block][page.page as usize] = pfn;
        self.pages.insert(pfn, page);
    }

    /// What begins at `pfn` is not in use any more.
    pub(crate) fn remove(&mut self, pfn: u32) -> Option<Page> {
        let page = self.pages.remove(&pfn)?;
        self.owners[page.block][page.page as usize] = NOBODY;
        Some(page)
    }

    /// Pages that are no longer in use where `1 << order` pages from `pfn` on are given back: a part of
    /// what was allocated at once, or several such.
    pub(crate) fn take(&mut self, pfn: u32, order: u32) -> Vec<Page> {
        self.split(pfn, order);
        let (mut at, end) = (pfn, pfn + (1 << order));
        let mut taken = Vec::new();
        while at < end {
            let page = self.remove(at);
            at += page.map_or(1, |page| 1 << page.order);
            taken.extend(page);
        }
        taken
    }

    /// Has an allocation begin at `pfn` that is no larger than `order`, if that is inside of a larger one.
    fn split(&mut self, pfn: u32, order: u32) {
        for larger in (order + 1..=MAX_ORDER).rev() {
            let head = pfn & !((1 << larger) - 1);
            if self
                .pages
                .get(&head)
                .is_none_or(|page| page.order != larger)
            {
                continue;
            }
            let Some(page) = self.remove(head) else {
                continue;
            };
            let half = larger - 1;
            for (offset, first) in [(0, head), (1 << half, head + (1 << half))] {
                let page = Page {
                    page: page.page + offset,
                    order: half,
                    ..page
                };
                self.put(first, page);
            }
        }
    }

    /// Pages that begin in a range of pages of a block, with their numbers on the recorded machine.
    pub(crate) fn within(&self, block: usize, range: std::ops::Range<u32>) -> Vec<(u32, Page)> {
        let owners = &self.owners[block][range.start as usize..range.end as usize];
        let pfns = owners.iter().filter(|pfn| **pfn != NOBODY);
        pfns.filter_map(|pfn| Some((*pfn, *self.pages.get(pfn)?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::units::Type;

    fn held(pfn: u32, order: u32) -> Held {
        let mut held = Held::new(1, 64);
        let page = Page {
            block: 0,
            page: 32,
            order,
            ty: Type::Movable,
        };
        held.put(pfn, page);
        held
    }

    #[test]
    fn a_part_is_given_back_and_the_rest_stays() {
        let mut held = held(0x100, 3);
        let taken = held.take(0x105, 0);
        assert_eq!(taken.len(), 1);
        assert_eq!((taken[0].page, taken[0].order), (37, 0));
        let rest = held.within(0, 0..64);
        assert_eq!(rest.iter().map(|(_, page)| 1 << page.order).sum::<u32>(), 7);
        assert!(held.take(0x105, 0).is_empty());
        assert_eq!(held.take(0x100, 3).len(), 3);
        assert!(held.within(0, 0..64).is_empty());
    }

    #[test]
    fn what_was_in_use_before_is_not_known() {
        assert!(held(0x100, 3).take(0x110, 2).is_empty());
    }
}
