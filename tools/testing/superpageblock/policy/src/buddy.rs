// SPDX-License-Identifier: GPL-2.0-only

//! How do pages come off the lists and back? mm/page_alloc.c.

use crate::block::is_mergeable;
use crate::block::ISOLATE;
use crate::block::MOVABLE;
use crate::hooks::Zone;
use std::ops::Range;

impl Zone {
    pub(crate) fn pageblock_order(&self) -> u32 {
        self.geometry.pageblock_order.index() as u32
    }

    /// `get_pageblock_migratetype()`.
    pub(crate) fn type_of(&self, b: usize, page: u32) -> usize {
        let pb = (page / self.geometry.pageblock_pages()) as usize;
        let pageblock = &self.blocks[b].pageblocks[pb];
        if pageblock.isolated {
            ISOLATE
        } else {
            pageblock.ty
        }
    }

    /// `change_pageblock_range()`.
    pub(crate) fn set_type(&mut self, b: usize, page: u32, order: u32, mt: usize) {
        for pb in self.pageblocks_of(page, order) {
            self.blocks[b].pageblocks[pb].ty = mt;
            let first = pb as u32 * self.geometry.pageblock_pages();
            self.set_content(b, first, 0, mt);
        }
    }

    /// `split_large_buddy()`: free, a pageblock at a time, as each has a type.
    pub(crate) fn free_pages(&mut self, b: usize, page: u32, order: u32) {
        let step = 1 << order.min(self.pageblock_order());
        for page in (page..page + (1 << order)).step_by(step) {
            self.free_one_page(b, page, step.ilog2());
        }
    }

    /// `__free_one_page()`.
    fn free_one_page(&mut self, b: usize, mut page: u32, mut order: u32) {
        let mut mt = self.type_of(b, page);
        while order < self.max_order {
            let buddy = page ^ (1 << order);
            if self.blocks[b].buddy_order(buddy) != Some(order) {
                break;
            }
            let buddy_mt = self.type_of(b, buddy);
            if buddy_mt != mt && !(is_mergeable(mt) && is_mergeable(buddy_mt)) {
                break;
            }
            self.del(b, buddy, order, buddy_mt);
            if buddy_mt != mt {
                self.set_type(b, buddy, order, mt);
            }
            page &= buddy;
            order += 1;
        }
        // spb_whole_free()
        if order >= self.pageblock_order() && is_mergeable(mt) {
            self.clear_dirty(b, page, order);
            if mt != MOVABLE {
                mt = MOVABLE;
                self.set_type(b, page, order, mt);
            }
        }
        self.add(b, page, order, mt);
    }

    /// `expand()`: put back what is not needed of a page of order `high`.
    pub(crate) fn expand(&mut self, b: usize, page: u32, low: u32, mut high: u32, mt: usize) {
        while high > low {
            high -= 1;
            self.add(b, page + (1 << high), high, mt);
        }
    }

    /// `__rmqueue_smallest()`.
    pub(crate) fn rmqueue_smallest(&mut self, b: usize, order: u32, mt: usize) -> Option<u32> {
        for current in order..=self.max_order {
            let first = self.blocks[b].free_list[current as usize][mt].first();
            let Some(&page) = first else {
                continue;
            };
            self.del(b, page, current, mt);
            self.expand(b, page, order, current, mt);
            return Some(page);
        }
        None
    }

    /// `prep_move_freepages_block()`: the pageblock of `page`, unless an edge
    /// of the zone cuts it.
    pub(crate) fn whole_pageblock(&self, b: usize, page: u32) -> Option<Range<u32>> {
        let size = self.geometry.pageblock_pages();
        let start = page / size * size;
        let present = &self.blocks[b].present;
        (present.contains(&start) && present.contains(&(start + size - 1)))
            .then_some(start..start + size)
    }

    /// `__move_freepages_block()`.
    pub(crate) fn move_freepages(&mut self, b: usize, range: Range<u32>, old: usize, new: usize) {
        let mut page = range.start;
        while page < range.end {
            let Some(order) = self.blocks[b].buddy_order(page) else {
                page += 1;
                continue;
            };
            // move_to_free_list()
            self.del(b, page, order, old);
            self.add(b, page, order, new);
            page += 1 << order;
        }
    }

    /// `move_freepages_block()`: retype a pageblock with the free pages in it.
    pub(crate) fn retype(&mut self, b: usize, page: u32, old: usize, new: usize) -> bool {
        let Some(range) = self.whole_pageblock(b, page) else {
            return false;
        };
        if self.straddled(b, range.start) {
            return false;
        }
        let start = range.start;
        self.move_freepages(b, range, old, new);
        self.set_type(b, start, 0, new);
        true
    }

    /// Whether a free page larger than a pageblock covers this pageblock.
    pub(crate) fn straddled(&self, b: usize, start: u32) -> bool {
        (self.pageblock_order() + 1..=self.max_order).any(|order| {
            let head = start & !((1 << order) - 1);
            self.blocks[b].buddy_order(head) == Some(order)
        })
    }
}
