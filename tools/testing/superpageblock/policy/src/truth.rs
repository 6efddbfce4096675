// SPDX-License-Identifier: GPL-2.0-only

//! Is what the policy believes so? Every block is looked at.

use crate::block::is_dirty_type;
use crate::block::Block;
use crate::hooks::Zone;
use crate::policy::fullness::Bucket;
use crate::policy::fullness::Category;
use crate::policy::index::Linked;
use crate::policy::index::Slot;
use crate::policy::units::Type;
use crate::policy::zone::Tally;
use crate::policy::zone::ADVERTISE_PAGES;

/// What a block is, by its contents and edges.
pub(crate) fn category(block: &Block) -> Category {
    let lost = !block.complete || block.nr_reserved != 0;
    match (block.has_cma, lost, block.tainted()) {
        (true, ..) => Category::Cma,
        (_, true, true) => Category::LostTainted,
        (_, true, false) => Category::LostClean,
        (_, false, true) => Category::Tainted,
        (_, false, false) => Category::Clean,
    }
}

impl Zone {
    /// Where (block, type) is on file.
    pub(crate) fn slot(&self, b: usize, ty: Type) -> Option<Slot> {
        self.known[b].links()[ty as usize].slot()
    }

    /// Whether (block, type) is on file with so few pages that it comes last.
    pub(crate) fn is_remnant(&self, b: usize, ty: usize) -> bool {
        let slot = self.slot(b, Type::ALL[ty]);
        slot.is_some_and(|slot| slot.category == Category::Remnant)
    }

    /// Free pages of a type from which a block is advertised for it.
    pub(crate) fn advertised_from(&self) -> u32 {
        ADVERTISE_PAGES.min(self.geometry.pageblock_pages())
    }

    /// Eighths of the pageblocks that are dirty, 0 to 7.
    pub(crate) fn density(&self, b: usize) -> u32 {
        (self.blocks[b].nr_dirty * 8 / self.geometry.pageblocks()).min(7)
    }

    /// What the policy may think the reserve is: it depends on the number of
    /// tainted blocks and on the pages known so far, and is looked up when a
    /// block is next reported.
    pub(crate) fn reserve_bounds(&self) -> (u32, u32) {
        let pageblocks = (self.geometry.pageblocks() * 3 / 100).max(4);
        let wanted = pageblocks * self.geometry.pageblock_pages();
        let (mut pages, mut least, mut most) = (0, wanted, 0);
        for (i, block) in self.blocks.iter().enumerate() {
            pages += block.nr_present();
            least = least.min(pages / 100 / (i as u32 + 1).next_power_of_two());
            most = most.max(pages / 100);
        }
        (least, most.min(wanted))
    }

    /// All invariants that hold between operations.
    pub(crate) fn check(&mut self) {
        assert_eq!(self.policy().verify(), 0);
        for b in 0..self.blocks.len() {
            self.check_lists(b);
            self.check_contents(b);
            self.check_bucket(b);
            for ty in Type::ALL {
                self.check_filed(b, ty);
            }
        }
        let expected = self.count();
        assert_eq!(self.policy().tally(), expected);
    }

    /// Invariant 2: the counters are those of the lists.
    fn check_lists(&self, b: usize) {
        let block = &self.blocks[b];
        let mut free = 0;
        for mt in 0..block.orders.len() {
            let (mut pages, mut orders) = (0, 0);
            for (order, lists) in block.free_list.iter().enumerate() {
                pages += (lists[mt].len() << order) as u32;
                orders |= u16::from(!lists[mt].is_empty()) << order;
            }
            assert_eq!((pages, orders), (block.nr_pages[mt], block.orders[mt]));
            free += pages;
        }
        assert_eq!(free, block.nr_free);
        let inside = block.nr_free.wrapping_sub(block.level_lo) < block.level_span;
        assert!(inside, "block {b} left its level");
    }

    /// Invariant 4: nothing that cannot move is in a clean block, and what was
    /// there once does not count for ever.
    fn check_contents(&self, b: usize) {
        let block = &self.blocks[b];
        let size = self.geometry.pageblock_pages();
        for (pb, p) in block.pageblocks.iter().enumerate() {
            let unmovable = p.held != 0 || p.reserved != 0 || is_dirty_type(p.ty);
            assert!(p.dirty || !unmovable, "block {b} pageblock {pb}");
            let start = pb as u32 * size;
            let free = block.buddy_order(start) >= Some(self.pageblock_order())
                || self.straddled(b, start);
            assert!(!(p.dirty && free) || p.odd || p.isolated || is_dirty_type(p.ty));
        }
        let dirty = block.pageblocks.iter().filter(|p| p.dirty).count();
        assert_eq!(dirty as u32, block.nr_dirty);
        assert_eq!(self.known[b].category(), category(block), "block {b}");
    }

    /// The bucket is right, give or take what hysteresis allows.
    fn check_bucket(&self, b: usize) {
        let (block, bucket) = (&self.blocks[b], self.known[b].bucket());
        let slack = self.geometry.pageblock_pages();
        if category(block).is_tainted() {
            assert_eq!(u32::from(bucket.0 & 7), 7 - self.density(b));
            let (least, most) = self.reserve_bounds();
            let below = bucket.0 & Bucket::BELOW_RESERVE != 0;
            assert!(below || block.nr_free >= least);
            assert!(!below || block.nr_free < most + 2 * slack);
            return;
        }
        let empty = block.nr_free == block.nr_present();
        assert_eq!(bucket == Bucket::EMPTY, empty);
        if !empty {
            let sixteenth = 1u32 << (self.geometry.block_order - 4);
            let low = u32::from(bucket.0) * sixteenth;
            assert!(block.nr_free + slack >= low);
            assert!(bucket.0 == 14 || block.nr_free < low + sixteenth + slack);
        }
    }

    /// Invariant 3: nothing is hidden.
    fn check_filed(&self, b: usize, ty: Type) {
        let block = &self.blocks[b];
        let slot = self.slot(b, ty);
        let filed = slot.map(|slot| slot.order.index() as u32);
        assert!(filed >= block.highest(ty as usize), "block {b} {ty:?}");
        if block.nr_pages[ty as usize] >= self.advertised_from() {
            let here = slot.map(|slot| (slot.category, slot.bucket));
            let home = (self.known[b].category(), self.known[b].bucket());
            assert_eq!(here, Some(home), "block {b} {ty:?}");
        }
    }

    fn count(&self) -> Tally {
        let mut tally = Tally::default();
        for (b, block) in self.blocks.iter().enumerate() {
            let bucket = self.known[b].bucket();
            match category(block) {
                Category::LostClean => tally.lost_clean += 1,
                Category::LostTainted => tally.lost_tainted += 1,
                Category::Tainted => tally.tainted += 1,
                Category::Cma | Category::Remnant => tally.cma += 1,
                Category::Clean => {
                    tally.clean += 1;
                    tally.empty += u32::from(block.nr_free == block.nr_present());
                }
            }
            let below = bucket.0 & Bucket::BELOW_RESERVE != 0;
            tally.below_reserve += u32::from(category(block).is_tainted() && below);
        }
        tally
    }
}
