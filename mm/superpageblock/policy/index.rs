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

/// No block.
const NIL: u16 = u16::MAX;

/// Which list a (block, type) is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slot {
    pub(crate) category: Category,
    pub(crate) bucket: Bucket,
    /// Highest order on file; never lower than that of the free lists.
    pub(crate) order: Order,
}

/// The links of one type in one block.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    next: u16,
    prev: u16,
    slot: Option<Slot>,
}

impl Link {
    /// On no list.
    pub(crate) const NONE: Link = Link {
        next: NIL,
        prev: NIL,
        slot: None,
    };

    /// The list it is on.
    #[inline]
    pub(crate) fn slot(&self) -> Option<Slot> {
        self.slot
    }
}

/// A block as the index sees it: its links, by type.
pub(crate) trait Linked {
    /// The links of all types.
    fn links(&self) -> &[Link; TYPES];
    /// The links of all types, to change.
    fn links_mut(&mut self) -> &mut [Link; TYPES];
}

/// Heads of all lists, and masks of those that are not empty.
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
    /// No block on any list.
    pub(crate) const EMPTY: Index = Index {
        orders: [[[0; BUCKETS]; TYPES]; CATEGORIES],
        buckets: [[0; TYPES]; CATEGORIES],
        first: [[[[NIL; ORDERS]; BUCKETS]; TYPES]; CATEGORIES],
    };

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
    ) -> Option<(BlockId, Slot)> {
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
            return Some((BlockId(self.head(ty, slot)), slot));
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
        if let Some(link) = link_mut(blocks, next, ty) {
            link.prev = id.0;
        }
        let Some(link) = link_mut(blocks, id.0, ty) else {
            return;
        };
        *link = Link {
            next,
            prev: NIL,
            slot: Some(slot),
        };
        self.set_head(ty, slot, id.0);
    }

    /// Take (block, type) off its list, if it is on one.
    pub(crate) fn remove<B: Linked>(&mut self, blocks: &mut [B], id: BlockId, ty: Type) {
        let Some(link) = link_mut(blocks, id.0, ty) else {
            return;
        };
        let old = *link;
        *link = Link::NONE;
        let Some(slot) = old.slot else {
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
                .get(at as usize)
                .and_then(|b| b.links().get(ty.index()))
            else {
                self.wrong = self.wrong.wrapping_add(1);
                return;
            };
            self.entries = self.entries.wrapping_add(1);
            if link.prev != prev || link.slot != Some(slot) {
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
fn link_mut<B: Linked>(blocks: &mut [B], id: u16, ty: Type) -> Option<&mut Link> {
    match blocks.get_mut(id as usize) {
        Some(block) => block.links_mut().get_mut(ty.index()),
        None => None,
    }
}
