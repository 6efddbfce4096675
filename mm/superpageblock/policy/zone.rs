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
/// list takes at once (`zone_batchsize()` gives at most 63).
pub(crate) const ADVERTISE_PAGES: u32 = 64;

/// Slot of a remnant; their fullness does not matter.
const fn remnant(order: Order) -> Slot {
    Slot {
        category: Category::Remnant,
        bucket: Bucket(0),
        order,
    }
}

/// One block.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    facts: Facts,
    category: Category,
    bucket: Bucket,
    level: Level,
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
        links: [Link::NONE; TYPES],
    };

    /// Its category.
    pub(crate) fn category(&self) -> Category {
        self.category
    }

    /// Its bucket.
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

/// State of a zone that is not per block.
pub(crate) struct Totals {
    geometry: Geometry,
    /// Pages in all blocks.
    pages: u64,
    /// Blocks in which something cannot move.
    tainted: u32,
    pub(crate) index: Index,
}

impl Totals {
    /// A zone without blocks.
    pub(crate) const fn new(geometry: Geometry) -> Totals {
        Totals {
            geometry,
            pages: 0,
            tainted: 0,
            index: Index::EMPTY,
        }
    }

    /// Take over the geometry; for a zone that was set up by zeroing.
    pub(crate) fn set_geometry(&mut self, geometry: Geometry) {
        self.geometry = geometry;
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

    /// Make a block known, with nothing free. Returns its level.
    pub(crate) fn add_block(
        &mut self,
        id: BlockId,
        present: u32,
        reserved: u32,
        complete: bool,
    ) -> Level {
        let Some(block) = self.blocks.get_mut(id.0 as usize) else {
            return Level::NONE;
        };
        *block = Block::NEW;
        block.facts.complete = complete;
        block.facts.present = present;
        block.facts.reserved = reserved;
        self.totals.pages = self.totals.pages.wrapping_add(u64::from(present));
        if block.facts.tainted() {
            self.totals.tainted = self.totals.tainted.wrapping_add(1);
        }
        self.classify(id, 0, 0)
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
        match (was_tainted, block.facts.tainted()) {
            (false, true) => self.totals.tainted = self.totals.tainted.wrapping_add(1),
            (true, false) => self.totals.tainted = self.totals.tainted.wrapping_sub(1),
            _ => {}
        }
        self.reclassify(id)
    }

    fn reclassify(&mut self, id: BlockId) -> Level {
        let geometry = self.totals.geometry;
        let reserve = reserve::pages(&geometry, self.totals.pages, self.totals.tainted);
        let Some(block) = self.blocks.get_mut(id.0 as usize) else {
            return Level::NONE;
        };
        let category = block.facts.category();
        let same = category == block.category;
        if same && !category.is_tainted() && block.level.contains(block.facts.free) {
            // Not a pageblock past the edge yet.
            return block.level;
        }
        let (bucket, level) = rank(&block.facts, &geometry, reserve);
        let moved = !same || bucket != block.bucket;
        block.category = category;
        block.bucket = bucket;
        block.level = level;
        if moved {
            self.refile(id);
        }
        level
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
        let few = pages < ADVERTISE_PAGES;
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
            promote: if few { ADVERTISE_PAGES } else { u32::MAX },
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
        let mut filed = 0u32;
        for block in self.blocks.iter() {
            let (on_file, wrong) = block.check_slots();
            filed = filed.wrapping_add(on_file);
            walk.wrong = walk.wrong.wrapping_add(wrong);
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
        if block.category.is_tainted() && block.bucket.0 >= Bucket::BELOW_RESERVE {
            self.below_reserve = self.below_reserve.wrapping_add(1);
        }
    }
}
