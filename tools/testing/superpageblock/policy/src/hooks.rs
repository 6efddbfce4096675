// SPDX-License-Identifier: GPL-2.0-only

//! When is the policy called? mm/superpageblock/{block.h,core.c,content.c}.

use crate::block::is_dirty_type;
use crate::block::Block;
use crate::block::CMA;
use crate::block::ISOLATE;
use crate::policy::units::BlockId;
use crate::policy::units::Geometry;
use crate::policy::units::Type;
use crate::policy::wire;
use crate::policy::zone;
use crate::policy::zone::Totals;

/// Number of calls of each hook.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) plan: u32,
    pub(crate) advertise: u32,
    pub(crate) classify: u32,
}

impl Calls {
    /// Calls that change the index.
    pub(crate) fn updates(&self) -> u32 {
        self.advertise + self.classify
    }
}

/// A zone: C's side of it and the policy's.
pub(crate) struct Zone {
    pub(crate) geometry: Geometry,
    /// Highest order of a free page.
    pub(crate) max_order: u32,
    pub(crate) blocks: Vec<Block>,
    pub(crate) known: Vec<zone::Block>,
    pub(crate) totals: Box<Totals>,
    pub(crate) calls: Calls,
}

impl Zone {
    /// The policy's state, as the functions that C calls borrow it.
    pub(crate) fn policy(&mut self) -> zone::Zone<'_> {
        zone::Zone {
            totals: &mut self.totals,
            blocks: &mut self.known,
        }
    }

    /// What `__spb_classify()` does with the level.
    pub(crate) fn set_level(&mut self, b: usize, level: u64) {
        let (lo, hi) = (level as u32, (level >> 32) as u32);
        self.blocks[b].level_lo = lo;
        self.blocks[b].level_span = hi.wrapping_sub(lo);
    }

    /// `__spb_classify()`.
    pub(crate) fn classify(&mut self, b: usize) {
        self.calls.classify += 1;
        let (free, dirty) = (self.blocks[b].nr_free, self.blocks[b].nr_dirty);
        let level = wire::level(self.policy().classify(BlockId(b as u16), free, dirty));
        self.set_level(b, level);
    }

    /// `__spb_advertise()`.
    pub(crate) fn advertise(&mut self, b: usize, mt: usize) {
        if mt == ISOLATE {
            self.blocks[b].top[mt] = u16::MAX;
            self.blocks[b].promote[mt] = u32::MAX;
            return;
        }
        self.calls.advertise += 1;
        let (orders, pages) = (self.blocks[b].orders[mt], self.blocks[b].nr_pages[mt]);
        let id = BlockId(b as u16);
        let advert = self.policy().advertise(id, Type::ALL[mt], orders, pages);
        let advert = wire::advert(advert);
        self.blocks[b].top[mt] = (advert >> 32) as u16;
        self.blocks[b].promote[mt] = advert as u32;
        if mt == CMA && !self.blocks[b].has_cma {
            self.blocks[b].has_cma = true;
            self.classify(b);
        }
    }

    fn check_level(&mut self, b: usize) {
        let block = &self.blocks[b];
        if block.nr_free.wrapping_sub(block.level_lo) >= block.level_span {
            self.classify(b);
        }
    }

    /// `__add_to_free_list()` with `spb_block_add()`.
    pub(crate) fn add(&mut self, b: usize, page: u32, order: u32, mt: usize) {
        let block = &mut self.blocks[b];
        block.buddy[page as usize] = order as u8 + 1;
        assert!(block.free_list[order as usize][mt].insert(page));
        block.orders[mt] |= 1 << order;
        block.nr_pages[mt] += 1 << order;
        block.nr_free += 1 << order;
        if (1u32 << order) > block.top[mt].into() || block.nr_pages[mt] >= block.promote[mt] {
            self.advertise(b, mt);
        }
        self.check_level(b);
    }

    /// `__del_page_from_free_list()` with `spb_block_del()`.
    pub(crate) fn del(&mut self, b: usize, page: u32, order: u32, mt: usize) {
        let block = &mut self.blocks[b];
        block.buddy[page as usize] = 0;
        let list = &mut block.free_list[order as usize][mt];
        assert!(list.remove(&page));
        if list.is_empty() {
            block.orders[mt] &= !(1 << order);
        }
        block.nr_pages[mt] -= 1 << order;
        block.nr_free -= 1 << order;
        self.check_level(b);
    }

    /// `__spb_mark_dirty()`.
    pub(crate) fn mark_dirty(&mut self, b: usize, page: u32, order: u32) {
        let mut new = 0;
        for pb in self.pageblocks_of(page, order) {
            new += u32::from(!self.blocks[b].pageblocks[pb].dirty);
            self.blocks[b].pageblocks[pb].dirty = true;
        }
        if new != 0 {
            self.blocks[b].nr_dirty += new;
            self.classify(b);
        }
    }

    /// `__spb_clear_dirty()`.
    pub(crate) fn clear_dirty(&mut self, b: usize, page: u32, order: u32) {
        let mut old = 0;
        for pb in self.pageblocks_of(page, order) {
            let pageblock = &mut self.blocks[b].pageblocks[pb];
            old += u32::from(pageblock.dirty);
            pageblock.dirty = false;
            pageblock.odd = false;
        }
        if old != 0 {
            self.blocks[b].nr_dirty -= old;
            self.classify(b);
        }
    }

    /// `spb_set_content()`.
    pub(crate) fn set_content(&mut self, b: usize, page: u32, order: u32, mt: usize) {
        if is_dirty_type(mt) {
            self.mark_dirty(b, page, order);
        }
    }

    /// Whether a page that is being freed may go to a request of type `mt`:
    /// `spb_capture()`.
    pub(crate) fn capture(&mut self, b: usize, page: u32, order: u32, mt: usize) -> bool {
        if !is_dirty_type(mt) {
            return true;
        }
        if self.blocks[b].complete && !self.blocks[b].tainted() {
            return false;
        }
        self.mark_dirty(b, page, order);
        true
    }

    /// Indices of the pageblocks that a range lies in.
    pub(crate) fn pageblocks_of(&self, page: u32, order: u32) -> std::ops::Range<usize> {
        let size = self.geometry.pageblock_pages();
        let first = page / size;
        first as usize..(first + ((1 << order) / size).max(1)) as usize
    }
}
