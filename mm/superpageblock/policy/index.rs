// SPDX-License-Identifier: GPL-2.0-only

//! Which block has a free page of this type and order? Segregated lists.
//!
//! Each (block, type) hangs on one list, chosen by category, bucket and the
//! highest order on file. Masks say which lists are not empty, so that finding
//! a block takes a few shifts, however many blocks there are. Links are block
//! numbers, not pointers: a zone of 16 TB has 16 384 blocks.

use super::fullness::Bucket;
use super::fullness::Category;
use super::fullness::BUCKETS;
use super::fullness::CATEGORIES;
use super::units::BlockId;
use super::units::Order;
use super::units::Type;
use super::units::ORDERS;
use super::units::TYPES;

/// No block. Links hold block ids plus one, so that an index of zeroes is empty.
const NIL: u16 = 0;

/// Which list a (block, type) is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot {
    pub(crate) category: Category,
    pub(crate) bucket: Bucket,
    /// Highest order on file; never lower than that of the free lists.
    pub(crate) order: Order,
}

impl Slot {
    /// Set in every packed slot, so that zero means none.
    const FILED: u16 = 0x8000;

    /// `FILED`, category in bits 8 to 10, bucket in 4 to 7, order in 0 to 3.
    #[inline]
    const fn pack(self) -> u16 {
        let category = (self.category as u16) << 8;
        let bucket = (self.bucket.index() as u16) << 4;
        Slot::FILED | category | bucket | self.order.index() as u16
    }

    #[inline]
    fn unpack(key: u16) -> Option<Slot> {
        if key == 0 {
            return None;
        }
        Some(Slot {
            category: *Category::ALL.get((key >> 8 & 7) as usize)?,
            bucket: Bucket((key >> 4 & 15) as u8),
            order: Order::new(u32::from(key & 15)),
        })
    }
}

/// The links of one type in one block. Zeroed: on no list.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    next: u16,
    prev: u16,
    /// [`Slot::pack`], 0 when on no list.
    key: u16,
}

impl Link {
    /// On no list.
    pub(crate) const NONE: Link = Link {
        next: NIL,
        prev: NIL,
        key: 0,
    };

    /// The list it is on.
    #[inline]
    pub(crate) fn slot(&self) -> Option<Slot> {
        Slot::unpack(self.key)
    }
}

/// A block as the index sees it: its links, by type.
pub(crate) trait Linked {
    /// The links of all types.
    fn links(&self) -> &[Link; TYPES];
    /// The links of all types, to change.
    fn links_mut(&mut self) -> &mut [Link; TYPES];
}

/// Heads of all lists, and masks of those that are not empty. Zeroed: empty.
pub(crate) struct Index {
    /// Orders with a block, by category, type and bucket.
    orders: [[[u16; BUCKETS]; TYPES]; CATEGORIES],
    /// Buckets with a block, by category and type.
    buckets: [[u16; TYPES]; CATEGORIES],
    first: [[[[u16; ORDERS]; BUCKETS]; TYPES]; CATEGORIES],
}

/// The order in which buckets are searched: up to 16 of them, one per nibble,
/// the first in the lowest.
#[derive(Clone, Copy)]
pub(crate) struct Search {
    sequence: u64,
    /// Mask of the buckets in `sequence`.
    buckets: u16,
}

impl Search {
    /// Search `buckets` from first to last.
    pub(crate) const fn new<const N: usize>(buckets: [u8; N]) -> Search {
        let mut sequence = 0u64;
        let mut mask = 0u16;
        let mut rest: &[u8] = &buckets;
        let mut shift = 0u32;
        while let [bucket, tail @ ..] = rest {
            sequence |= ((*bucket & 15) as u64) << (shift & 63);
            mask |= 1u16 << (*bucket & 15);
            shift = shift.wrapping_add(4);
            rest = tail;
        }
        Search {
            sequence,
            buckets: mask,
        }
    }
}

impl Index {
    /// What zeroed memory amounts to. Too large for a kernel stack.
    #[cfg(test)]
    pub(crate) const fn new() -> Index {
        Index {
            orders: [[[0; BUCKETS]; TYPES]; CATEGORIES],
            buckets: [[0; TYPES]; CATEGORIES],
            first: [[[[NIL; ORDERS]; BUCKETS]; TYPES]; CATEGORIES],
        }
    }

    #[inline]
    fn head(&self, ty: Type, slot: Slot) -> u16 {
        let Some(types) = self.first.get(slot.category.index()) else {
            return NIL;
        };
        let Some(buckets) = types.get(ty.index()) else {
            return NIL;
        };
        let Some(orders) = buckets.get(slot.bucket.index()) else {
            return NIL;
        };
        let Some(first) = orders.get(slot.order.index()) else {
            return NIL;
        };
        *first
    }

    /// Make `first` the head of a list, and the masks say whether there is one.
    #[inline]
    fn set_head(&mut self, ty: Type, slot: Slot, first: u16) {
        let (category, ty) = (slot.category.index(), ty.index());
        let Some(heads) = self.first.get_mut(category).and_then(|t| t.get_mut(ty)) else {
            return;
        };
        let Some(masks) = self.orders.get_mut(category).and_then(|t| t.get_mut(ty)) else {
            return;
        };
        let Some(buckets) = self.buckets.get_mut(category).and_then(|t| t.get_mut(ty)) else {
            return;
        };
        let Some(orders) = heads.get_mut(slot.bucket.index()) else {
            return;
        };
        let Some(mask) = masks.get_mut(slot.bucket.index()) else {
            return;
        };
        let Some(head) = orders.get_mut(slot.order.index()) else {
            return;
        };
        *head = first;
        if first != NIL {
            *mask |= 1u16 << slot.order.index();
        } else {
            *mask &= !(1u16 << slot.order.index());
        }
        if *mask != 0 {
            *buckets |= 1u16 << slot.bucket.index();
        } else {
            *buckets &= !(1u16 << slot.bucket.index());
        }
    }

    /// A block of `category` with a page of type `ty` and at least `order` on
    /// file, from the first bucket of `search` that has one. `None`: no block.
    #[inline]
    pub(crate) fn pick(
        &self,
        category: Category,
        ty: Type,
        order: Order,
        search: Search,
    ) -> Option<BlockId> {
        let mut left = self.buckets.get(category.index())?.get(ty.index())? & search.buckets;
        let masks = self.orders.get(category.index())?.get(ty.index())?;
        let mut sequence = search.sequence;
        while left != 0 {
            let bucket = Bucket((sequence & 15) as u8);
            sequence >>= 4;
            if left & (1u16 << bucket.index()) == 0 {
                continue;
            }
            left &= !(1u16 << bucket.index());
            let sufficient = *masks.get(bucket.index())? >> order.index();
            if sufficient == 0 {
                continue;
            }
            let above = sufficient.trailing_zeros();
            let slot = Slot {
                category,
                bucket,
                order: Order::new(above.wrapping_add(order.index() as u32)),
            };
            return match self.head(ty, slot) {
                NIL => None,
                head => Some(BlockId(head.wrapping_sub(1))),
            };
        }
        None
    }

    /// Put (block, type), which is on no list, at the head of a list.
    pub(crate) fn insert<B: Linked>(
        &mut self,
        blocks: &mut [B],
        id: BlockId,
        ty: Type,
        slot: Slot,
    ) {
        let next = self.head(ty, slot);
        let own = id.0.wrapping_add(1);
        if let Some(link) = link_mut(blocks, next, ty) {
            link.prev = own;
        }
        let Some(link) = link_mut(blocks, own, ty) else {
            return;
        };
        *link = Link {
            next,
            prev: NIL,
            key: slot.pack(),
        };
        self.set_head(ty, slot, own);
    }

    /// Take (block, type) off its list, if it is on one.
    pub(crate) fn remove<B: Linked>(&mut self, blocks: &mut [B], id: BlockId, ty: Type) {
        let Some(link) = link_mut(blocks, id.0.wrapping_add(1), ty) else {
            return;
        };
        let old = *link;
        *link = Link::NONE;
        let Some(slot) = old.slot() else {
            return;
        };
        if let Some(next) = link_mut(blocks, old.next, ty) {
            next.prev = old.prev;
        }
        match link_mut(blocks, old.prev, ty) {
            Some(prev) => prev.next = old.next,
            None => self.set_head(ty, slot, old.next),
        }
    }

    /// Number of contradictions between masks, heads and links of `ty` in one
    /// category and bucket. Walks its lists: for debugging only.
    pub(crate) fn verify<B: Linked>(
        &self,
        blocks: &[B],
        ty: Type,
        category: Category,
        bucket: Bucket,
    ) -> Walk {
        let mut walk = Walk::default();
        for n in 0..ORDERS as u32 {
            let slot = Slot {
                category,
                bucket,
                order: Order::new(n),
            };
            let head = self.head(ty, slot);
            if self.mask_says(ty, slot) != (head != NIL) {
                walk.wrong = walk.wrong.wrapping_add(1);
            }
            walk.list(blocks, ty, slot, head);
        }
        walk
    }

    fn mask_says(&self, ty: Type, slot: Slot) -> bool {
        let masks = self.orders.get(slot.category.index());
        let mask = masks
            .and_then(|t| t.get(ty.index()))
            .and_then(|b| b.get(slot.bucket.index()));
        let buckets = self.buckets.get(slot.category.index());
        let bucket = buckets.and_then(|t| t.get(ty.index()));
        let (Some(mask), Some(bucket)) = (mask, bucket) else {
            return false;
        };
        let in_mask = mask & (1u16 << slot.order.index()) != 0;
        let in_bucket = bucket & (1u16 << slot.bucket.index()) != 0;
        in_mask && in_bucket
    }
}

/// What a walk over lists found.
#[derive(Clone, Copy, Default)]
pub(crate) struct Walk {
    /// Entries seen.
    pub(crate) entries: u32,
    /// Contradictions seen.
    pub(crate) wrong: u32,
}

impl Walk {
    fn list<B: Linked>(&mut self, blocks: &[B], ty: Type, slot: Slot, head: u16) {
        let (mut at, mut prev) = (head, NIL);
        // A list longer than there are blocks is a ring.
        let mut left = blocks.len();
        while at != NIL && left > 0 {
            let Some(link) = blocks
                .get(at.wrapping_sub(1) as usize)
                .and_then(|b| b.links().get(ty.index()))
            else {
                self.wrong = self.wrong.wrapping_add(1);
                return;
            };
            self.entries = self.entries.wrapping_add(1);
            if link.prev != prev || link.slot() != Some(slot) {
                self.wrong = self.wrong.wrapping_add(1);
            }
            prev = at;
            at = link.next;
            left = left.wrapping_sub(1);
        }
        if at != NIL {
            self.wrong = self.wrong.wrapping_add(1);
        }
    }
}

#[inline]
fn link_mut<B: Linked>(blocks: &mut [B], link: u16, ty: Type) -> Option<&mut Link> {
    // NIL wraps to a number that no block has.
    match blocks.get_mut(link.wrapping_sub(1) as usize) {
        Some(block) => block.links_mut().get_mut(ty.index()),
        None => None,
    }
}

#[cfg(any(test, CONFIG_SUPERPAGEBLOCK_KUNIT_TEST))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(superpageblock_index))]
mod tests {
    use super::super::testing::TestResult;
    use super::super::testing::TestZone;
    use super::super::zone::Zone;
    use super::*;

    const ALL: Search = Search::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);

    fn slot(bucket: u8, order: u32) -> Slot {
        Slot {
            category: Category::Clean,
            bucket: Bucket(bucket),
            order: Order::new(order),
        }
    }

    fn insert(zone: &mut Zone<'_>, id: u16, bucket: u8, order: u32) {
        let slot = slot(bucket, order);
        zone.totals
            .index
            .insert(zone.blocks, BlockId(id), Type::Movable, slot);
    }

    fn remove(zone: &mut Zone<'_>, id: u16) {
        zone.totals
            .index
            .remove(zone.blocks, BlockId(id), Type::Movable);
    }

    fn pick(zone: &Zone<'_>, order: u32, search: Search) -> Option<u16> {
        let order = Order::new(order);
        let found = zone
            .totals
            .index
            .pick(Category::Clean, Type::Movable, order, search);
        found.map(|id| id.0)
    }

    /// Entries on the lists of a bucket, and contradictions in them.
    fn walk(zone: &Zone<'_>, bucket: u8) -> (u32, u32) {
        let walk =
            zone.totals
                .index
                .verify(zone.blocks, Type::Movable, Category::Clean, Bucket(bucket));
        (walk.entries, walk.wrong)
    }

    #[test]
    fn nothing_is_found_where_nothing_is() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        assert_eq!(pick(&zone, 0, ALL), None);
        insert(&mut zone, 0, 3, 5);
        assert_eq!(pick(&zone, 6, ALL), None);
        assert_eq!(pick(&zone, 0, Search::new([2, 4])), None);
        let index = &zone.totals.index;
        let order = Order::new(0);
        let other = index.pick(Category::Tainted, Type::Movable, order, ALL);
        assert!(other.is_none());
        let other = index.pick(Category::Clean, Type::Unmovable, order, ALL);
        assert!(other.is_none());
        Ok(())
    }

    #[test]
    fn the_lowest_sufficient_order_is_found() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        insert(&mut zone, 0, 3, 10);
        insert(&mut zone, 1, 3, 4);
        insert(&mut zone, 2, 3, 2);
        assert_eq!(pick(&zone, 0, ALL), Some(2));
        assert_eq!(pick(&zone, 3, ALL), Some(1));
        assert_eq!(pick(&zone, 5, ALL), Some(0));
        Ok(())
    }

    #[test]
    fn buckets_are_searched_in_sequence() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        insert(&mut zone, 0, 2, 10);
        insert(&mut zone, 1, 14, 1);
        insert(&mut zone, 2, 15, 3);
        assert_eq!(pick(&zone, 0, ALL), Some(0));
        assert_eq!(pick(&zone, 0, Search::new([15, 14, 2])), Some(2));
        assert_eq!(pick(&zone, 0, Search::new([14, 15, 2])), Some(1));
        // A bucket without that order does not end the search.
        assert_eq!(pick(&zone, 2, Search::new([14, 15, 2])), Some(2));
        Ok(())
    }

    #[test]
    fn blocks_leave_a_list_from_any_place() -> TestResult {
        for gone in 0..3 {
            let mut store = TestZone::new()?;
            let mut zone = store.zone();
            for id in 0..3 {
                insert(&mut zone, id, 7, 4);
            }
            assert_eq!(walk(&zone, 7), (3, 0));
            remove(&mut zone, gone);
            assert_eq!(walk(&zone, 7), (2, 0));
            assert!(pick(&zone, 4, ALL) != Some(gone));
            remove(&mut zone, gone);
            assert_eq!(walk(&zone, 7), (2, 0));
            for id in 0..3 {
                remove(&mut zone, id);
            }
            assert_eq!(pick(&zone, 0, ALL), None);
            assert_eq!(walk(&zone, 7), (0, 0));
        }
        Ok(())
    }

    #[test]
    fn a_slot_survives_packing() {
        for category in Category::ALL {
            for (bucket, order) in [(0, 0), (15, 15), (9, 6)] {
                let slot = Slot {
                    category,
                    ..slot(bucket, order)
                };
                assert_eq!(Slot::unpack(slot.pack()), Some(slot));
            }
        }
    }

    #[test]
    fn a_wrong_link_is_noticed() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        insert(&mut zone, 0, 7, 4);
        insert(&mut zone, 1, 7, 4);
        if let Some(link) = link_mut(zone.blocks, 1, Type::Movable) {
            link.prev = NIL;
        }
        assert_eq!(walk(&zone, 7), (2, 1));
        Ok(())
    }
}
