// SPDX-License-Identifier: GPL-2.0-only

//! The blocks of a zone, kept in the index as they change.
//!
//! C calls when a free page of a higher order than the one on file appears in a
//! (block, type), when a count is reached, and when a plan proved stale. It does
//! not call when lists shrink. So the order on file may be too high, which a
//! plan discovers and corrects, but is never too low: no page is hidden.
//!
//! A type with fewer than [`ADVERTISE_PAGES`] free pages in a block is filed as
//! a remnant, which only the last step of a plan looks at. Else each free and
//! allocation of a nearly full block would move it from list to list.

use super::fullness::rank;
use super::fullness::Bucket;
use super::fullness::Category;
use super::fullness::Facts;
use super::fullness::Level;
use super::fullness::BUCKETS;
use super::index::Index;
use super::index::Link;
use super::index::Linked;
use super::index::Slot;
use super::index::Walk;
use super::reserve;
use super::units::highest_order;
use super::units::BlockId;
use super::units::Geometry;
use super::units::Order;
use super::units::Type;
use super::units::TYPES;

/// Free pages of a type from which a block is advertised for it: what a per-CPU
/// list takes at once (`zone_batchsize()` gives at most 63). A pageblock, if that
/// is less: a wholly free one must be seen. With 16 and with 256, fewer empty blocks and more
/// refusals; Documentation/mm/superpageblock.rst, "Other rules".
pub(crate) const ADVERTISE_PAGES: u32 = 64;

/// Slot of a remnant; their fullness does not matter.
const fn remnant(order: Order) -> Slot {
    Slot {
        category: Category::Remnant,
        bucket: Bucket(0),
        order,
    }
}

/// One block. Zeroed: a block that was not added.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    facts: Facts,
    category: Category,
    bucket: Bucket,
    level: Level,
    /// Free pages that movable requests are to leave.
    withheld: u32,
    links: [Link; TYPES],
}

impl Block {
    /// A block with no pages.
    pub(crate) const NEW: Block = Block {
        facts: Facts {
            complete: false,
            has_cma: false,
            present: 0,
            reserved: 0,
            free: 0,
            dirty: 0,
        },
        category: Category::LostClean,
        bucket: Bucket::EMPTY,
        level: Level::NONE,
        withheld: 0,
        links: [Link::NONE; TYPES],
    };

    /// Whether it is tainted and below its reserve.
    #[inline]
    fn is_low(&self) -> bool {
        self.category.is_tainted() && self.bucket.0 >= Bucket::BELOW_RESERVE
    }

    /// Its category.
    #[cfg(test)]
    pub(crate) fn category(&self) -> Category {
        self.category
    }

    /// Its bucket.
    #[cfg(test)]
    pub(crate) fn bucket(&self) -> Bucket {
        self.bucket
    }
}

impl Linked for Block {
    #[inline]
    fn links(&self) -> &[Link; TYPES] {
        &self.links
    }

    #[inline]
    fn links_mut(&mut self) -> &mut [Link; TYPES] {
        &mut self.links
    }
}

/// State of a zone that is not per block. Zeroed, but for the geometry: a zone
/// without blocks.
pub(crate) struct Totals {
    geometry: Geometry,
    /// Share of a tainted block that movable requests leave free, in percent.
    reserve_percent: u32,
    /// Pages in all blocks.
    pages: u64,
    /// Pages that all blocks withhold.
    withheld: u64,
    /// Blocks in which something cannot move.
    tainted: u32,
    pub(crate) index: Index,
}

impl Totals {
    /// What zeroed memory amounts to. Too large for a kernel stack.
    #[cfg(test)]
    pub(crate) const fn new(geometry: Geometry) -> Totals {
        Totals {
            geometry,
            reserve_percent: 3,
            pages: 0,
            withheld: 0,
            tainted: 0,
            index: Index::new(),
        }
    }

    /// Take over what does not change; everything else starts as zeroes.
    pub(crate) fn set_up(&mut self, geometry: Geometry, reserve_percent: u32) {
        self.geometry = geometry;
        self.reserve_percent = reserve_percent;
    }
}

/// When C calls again for a (block, type).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Advert {
    /// Bit of the order on file, 0 if none: call for a page of a higher order.
    pub(crate) top: u16,
    /// Call when this many pages are free.
    pub(crate) promote: u32,
}

/// Number of blocks by state.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Tally {
    pub(crate) clean: u32,
    pub(crate) empty: u32,
    pub(crate) tainted: u32,
    pub(crate) lost_clean: u32,
    pub(crate) lost_tainted: u32,
    pub(crate) cma: u32,
    pub(crate) below_reserve: u32,
}

/// A zone whose lock the caller holds.
pub(crate) struct Zone<'a> {
    pub(crate) totals: &'a mut Totals,
    pub(crate) blocks: &'a mut [Block],
}

impl Zone<'_> {
    /// Sizes in this zone.
    pub(crate) fn geometry(&self) -> Geometry {
        self.totals.geometry
    }

    /// Make a block known, or say what has changed about it: the pages it has,
    /// how many of them are reserved, and whether it is an aligned gigabyte.
    /// Returns its level.
    pub(crate) fn set_block(
        &mut self,
        id: BlockId,
        present: u32,
        reserved: u32,
        complete: bool,
    ) -> Level {
        let Some(block) = self.blocks.get_mut(id.0 as usize) else {
            return Level::NONE;
        };
        let old = block.facts;
        block.facts.present = present;
        block.facts.reserved = reserved;
        block.facts.complete = complete;
        // What the level was derived from is gone.
        block.level = Level::NONE;
        let pages = self.totals.pages.wrapping_sub(u64::from(old.present));
        self.totals.pages = pages.wrapping_add(u64::from(present));
        self.settle(id, old.tainted())
    }

    /// A block has `free` pages and `dirty` pageblocks with non-movable type or
    /// content now. Returns the level within which no further call is needed.
    pub(crate) fn classify(&mut self, id: BlockId, free: u32, dirty: u32) -> Level {
        let Some(block) = self.blocks.get_mut(id.0 as usize) else {
            return Level::NONE;
        };
        let was_tainted = block.facts.tainted();
        block.facts.free = free;
        block.facts.dirty = dirty;
        self.settle(id, was_tainted)
    }

    /// Whether a block holds memory that cannot move and has less free memory than
    /// its reserve.
    pub(crate) fn is_low(&self, id: BlockId) -> bool {
        self.blocks.get(id.0 as usize).is_some_and(Block::is_low)
    }

    /// Free pages that movable requests are to leave in tainted blocks; no more than
    /// one percent of the zone.
    pub(crate) fn withheld(&self) -> u64 {
        reserve::bounded(self.totals.withheld, self.totals.pages)
    }

    /// Keep the number of tainted blocks, then find the place of this one.
    fn settle(&mut self, id: BlockId, was_tainted: bool) -> Level {
        let Some(block) = self.blocks.get(id.0 as usize) else {
            return Level::NONE;
        };
        match (was_tainted, block.facts.tainted()) {
            (false, true) => self.totals.tainted = self.totals.tainted.wrapping_add(1),
            (true, false) => self.totals.tainted = self.totals.tainted.wrapping_sub(1),
            _ => {}
        }
        self.reclassify(id)
    }

    fn reclassify(&mut self, id: BlockId) -> Level {
        let geometry = self.totals.geometry;
        let reserve = reserve::pages(
            &geometry,
            self.totals.reserve_percent,
            self.totals.pages,
            self.totals.tainted,
        );
        let Some(block) = self.blocks.get_mut(id.0 as usize) else {
            return Level::NONE;
        };
        let category = block.facts.category();
        let same = category == block.category;
        if same && !category.is_tainted() && block.level.contains(block.facts.free) {
            // Not a pageblock past the edge yet.
            return block.level;
        }
        let rank = rank(&block.facts, &geometry, reserve, same && block.is_low());
        let moved = !same || rank.bucket != block.bucket;
        let others = self.totals.withheld.wrapping_sub(u64::from(block.withheld));
        self.totals.withheld = others.wrapping_add(u64::from(rank.withheld));
        block.category = category;
        block.bucket = rank.bucket;
        block.level = rank.level;
        block.withheld = rank.withheld;
        if moved {
            self.refile(id);
        }
        rank.level
    }

    /// Move what is filed of a block to the lists of its category and bucket.
    fn refile(&mut self, id: BlockId) {
        for ty in Type::ALL {
            let Some(block) = self.blocks.get(id.0 as usize) else {
                return;
            };
            let (category, bucket) = (block.category, block.bucket);
            let Some(slot) = block.links.get(ty.index()).and_then(Link::slot) else {
                continue;
            };
            if slot.category == Category::Remnant {
                continue;
            }
            self.file(
                id,
                ty,
                Slot {
                    category,
                    bucket,
                    ..slot
                },
            );
        }
    }

    fn file(&mut self, id: BlockId, ty: Type, slot: Slot) {
        self.totals.index.remove(self.blocks, id, ty);
        self.totals.index.insert(self.blocks, id, ty, slot);
    }

    /// The free lists of `ty` in a block hold `pages` pages in `orders` now.
    ///
    /// With no page left, the block is kept on file as a remnant of order 0
    /// once, so that its next free page does not need a call; a plan that finds
    /// it still empty takes it off file.
    pub(crate) fn advertise(&mut self, id: BlockId, ty: Type, orders: u16, pages: u32) -> Advert {
        if ty == Type::Cma {
            self.note_cma(id);
        }
        let Some(block) = self.blocks.get(id.0 as usize) else {
            return Advert::NEVER;
        };
        let old = block.links.get(ty.index()).and_then(Link::slot);
        let threshold = ADVERTISE_PAGES.min(self.totals.geometry.pageblock_pages());
        let few = pages < threshold;
        let slot = match highest_order(orders) {
            Some(order) if few => remnant(order),
            Some(order) => Slot {
                category: block.category,
                bucket: block.bucket,
                order,
            },
            None => match old {
                Some(slot) if slot.category != Category::Remnant => remnant(Order::new(0)),
                _ => {
                    self.totals.index.remove(self.blocks, id, ty);
                    return Advert::NEVER;
                }
            },
        };
        if old != Some(slot) {
            self.file(id, ty, slot);
        }
        Advert {
            top: 1u16 << slot.order.index(),
            promote: if few { threshold } else { u32::MAX },
        }
    }

    fn note_cma(&mut self, id: BlockId) {
        let Some(block) = self.blocks.get_mut(id.0 as usize) else {
            return;
        };
        if !block.facts.has_cma {
            block.facts.has_cma = true;
            self.reclassify(id);
        }
    }

    /// Number of contradictions in the index. Walks everything: for debugging.
    pub(crate) fn verify(&self) -> u32 {
        let mut walk = Walk::default();
        for ty in Type::ALL {
            for category in Category::ALL {
                for n in 0..BUCKETS as u8 {
                    let found = self
                        .totals
                        .index
                        .verify(self.blocks, ty, category, Bucket(n));
                    walk.entries = walk.entries.wrapping_add(found.entries);
                    walk.wrong = walk.wrong.wrapping_add(found.wrong);
                }
            }
        }
        let (mut filed, mut withheld) = (0u32, 0u64);
        for block in self.blocks.iter() {
            let (on_file, wrong) = block.check_slots();
            filed = filed.wrapping_add(on_file);
            withheld = withheld.wrapping_add(u64::from(block.withheld));
            walk.wrong = walk.wrong.wrapping_add(wrong);
        }
        if withheld != self.totals.withheld {
            walk.wrong = walk.wrong.wrapping_add(1);
        }
        walk.wrong.wrapping_add(filed.abs_diff(walk.entries))
    }

    /// Count blocks by state. Walks all blocks: for debugging.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for block in self.blocks.iter() {
            tally.count(block);
        }
        tally
    }
}

impl Block {
    /// How many types are on file, and how many of them in the wrong place.
    fn check_slots(&self) -> (u32, u32) {
        let (mut filed, mut wrong) = (0u32, 0u32);
        for link in &self.links {
            let Some(slot) = link.slot() else {
                continue;
            };
            filed = filed.wrapping_add(1);
            let at_home = slot.category == self.category && slot.bucket == self.bucket;
            if !at_home && slot.category != Category::Remnant {
                wrong = wrong.wrapping_add(1);
            }
        }
        (filed, wrong)
    }
}

impl Advert {
    /// Nothing on file: call for any page.
    const NEVER: Advert = Advert {
        top: 0,
        promote: u32::MAX,
    };
}

impl Tally {
    fn count(&mut self, block: &Block) {
        // Room for memory to be added, or what was left by removed memory.
        if block.facts.present == 0 {
            return;
        }
        let counter = match block.category {
            Category::Clean => &mut self.clean,
            Category::Tainted => &mut self.tainted,
            Category::LostClean => &mut self.lost_clean,
            Category::LostTainted => &mut self.lost_tainted,
            Category::Cma | Category::Remnant => &mut self.cma,
        };
        *counter = counter.wrapping_add(1);
        if block.category == Category::Clean && block.bucket == Bucket::EMPTY {
            self.empty = self.empty.wrapping_add(1);
        }
        if block.is_low() {
            self.below_reserve = self.below_reserve.wrapping_add(1);
        }
    }
}

#[cfg(any(test, CONFIG_SUPERPAGEBLOCK_KUNIT_TEST))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(superpageblock_zone))]
mod tests {
    use super::super::testing::TestResult;
    use super::super::testing::TestZone;
    use super::super::testing::GB;
    use super::*;

    const BLOCK: BlockId = BlockId(0);
    const PAGEBLOCK: u16 = 1 << 9;

    fn slot(zone: &Zone<'_>, ty: Type) -> Option<Slot> {
        let block = zone.blocks.first()?;
        block.links.get(ty.index())?.slot()
    }

    fn filed_as(zone: &Zone<'_>, ty: Type) -> Option<Category> {
        slot(zone, ty).map(|slot| slot.category)
    }

    #[test]
    fn what_is_filed_moves_with_its_block() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        zone.set_block(BLOCK, GB, 0, true);
        zone.classify(BLOCK, GB, 0);
        zone.advertise(BLOCK, Type::Movable, 1 << 10, GB);
        assert_eq!(filed_as(&zone, Type::Movable), Some(Category::Clean));
        zone.classify(BLOCK, GB - 1, 1);
        assert_eq!(filed_as(&zone, Type::Movable), Some(Category::Tainted));
        zone.classify(BLOCK, GB, 0);
        let home = slot(&zone, Type::Movable).map(|slot| (slot.category, slot.bucket));
        assert_eq!(home, Some((Category::Clean, Bucket::EMPTY)));
        assert_eq!(zone.verify(), 0);
        Ok(())
    }

    #[test]
    fn few_pages_are_a_remnant_until_there_is_a_batch_of_them() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        zone.set_block(BLOCK, GB, 0, true);
        zone.classify(BLOCK, 63, 1);
        let advert = zone.advertise(BLOCK, Type::Unmovable, 1 << 5, 63);
        assert_eq!(filed_as(&zone, Type::Unmovable), Some(Category::Remnant));
        assert_eq!(advert.top, 1 << 5);
        assert_eq!(advert.promote, ADVERTISE_PAGES);
        let advert = zone.advertise(BLOCK, Type::Unmovable, 1 << 5, ADVERTISE_PAGES);
        assert_eq!(filed_as(&zone, Type::Unmovable), Some(Category::Tainted));
        assert_eq!(advert.promote, u32::MAX);
        assert_eq!(zone.verify(), 0);
        Ok(())
    }

    #[test]
    fn a_block_without_pages_is_forgotten_the_second_time() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        zone.set_block(BLOCK, GB, 0, true);
        zone.advertise(BLOCK, Type::Movable, PAGEBLOCK, 512);
        let advert = zone.advertise(BLOCK, Type::Movable, 0, 0);
        assert_eq!(filed_as(&zone, Type::Movable), Some(Category::Remnant));
        assert_eq!(advert.top, 1);
        assert_eq!(zone.advertise(BLOCK, Type::Movable, 0, 0), Advert::NEVER);
        assert_eq!(filed_as(&zone, Type::Movable), None);
        assert_eq!(zone.verify(), 0);
        Ok(())
    }

    #[test]
    fn a_block_that_had_cma_pages_stays_a_cma_block() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        zone.set_block(BLOCK, GB, 0, true);
        zone.classify(BLOCK, GB, 0);
        zone.advertise(BLOCK, Type::Movable, 1 << 10, GB - 512);
        zone.advertise(BLOCK, Type::Cma, PAGEBLOCK, 512);
        assert_eq!(filed_as(&zone, Type::Cma), Some(Category::Cma));
        assert_eq!(filed_as(&zone, Type::Movable), Some(Category::Cma));
        zone.classify(BLOCK, 0, 1);
        assert_eq!(zone.tally().cma, 1);
        assert_eq!(zone.verify(), 0);
        Ok(())
    }

    #[test]
    fn what_is_said_twice_about_a_block_counts_once() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        for _ in 0..2 {
            zone.set_block(BLOCK, GB / 2, 7, false);
        }
        assert_eq!(zone.totals.pages, u64::from(GB / 2));
        assert_eq!(zone.totals.tainted, 1);
        assert_eq!(zone.tally().lost_tainted, 1);
        zone.set_block(BLOCK, GB, 0, true);
        zone.classify(BLOCK, GB, 0);
        assert_eq!(zone.totals.pages, u64::from(GB));
        assert_eq!(zone.totals.tainted, 0);
        assert_eq!((zone.tally().clean, zone.tally().empty), (1, 1));
        Ok(())
    }

    #[test]
    fn tainted_blocks_withhold_what_they_have_of_their_reserve() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        for id in 0..4 {
            zone.set_block(BlockId(id), GB, 0, true);
            zone.classify(BlockId(id), GB, 0);
        }
        assert_eq!(zone.withheld(), 0);
        zone.classify(BLOCK, GB - 1, 1);
        let full = zone.withheld();
        assert!(full > 0 && full <= u64::from(4 * GB / 100));
        zone.classify(BLOCK, 100, 1);
        assert!(zone.withheld() <= 100);
        zone.classify(BLOCK, full as u32 / 2, 1);
        assert!(zone.withheld() < full && zone.withheld() > full / 4);
        zone.classify(BLOCK, GB, 0);
        assert_eq!(zone.withheld(), 0);
        // A block whose memory has gone withholds nothing.
        zone.classify(BLOCK, GB - 1, 1);
        zone.classify(BLOCK, 0, 0);
        zone.set_block(BLOCK, 0, 0, false);
        assert_eq!(zone.withheld(), 0);
        assert_eq!(zone.verify(), 0);
        Ok(())
    }

    #[test]
    fn a_block_that_does_not_exist_is_left_alone() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        let nowhere = BlockId(4);
        assert_eq!(zone.set_block(nowhere, GB, 0, true), Level::NONE);
        assert_eq!(zone.classify(nowhere, 1, 1), Level::NONE);
        let advert = zone.advertise(nowhere, Type::Cma, 1, 1);
        assert_eq!(advert, Advert::NEVER);
        assert_eq!(zone.verify(), 0);
        Ok(())
    }

    #[test]
    fn a_block_in_the_wrong_place_is_noticed() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        zone.set_block(BLOCK, GB, 0, true);
        zone.advertise(BLOCK, Type::Movable, PAGEBLOCK, 512);
        if let Some(block) = zone.blocks.first_mut() {
            block.category = Category::Tainted;
        }
        assert!(zone.verify() > 0);
        Ok(())
    }
}
