// SPDX-License-Identifier: GPL-2.0-only

//! How would bitmaps over blocks find one? By the intersection of two of them.
//!
//! One for each (type, order), and one for each (category, bucket): the proposal
//! from review of the RFC, with summaries, and with masks of the ones that are not empty.

use crate::bits::Bits;
use crate::finder::Ask;
use crate::finder::Finder;
use crate::finder::SEQUENCE;
use crate::policy::fullness::Bucket;
use crate::policy::fullness::Category;
use crate::policy::fullness::BUCKETS;
use crate::policy::fullness::CATEGORIES;
use crate::policy::units::BlockId;
use crate::policy::units::Order;
use crate::policy::units::Type;
use crate::policy::units::ORDERS;
use crate::policy::units::TYPES;

/// Bitmaps over the blocks of a zone.
pub(crate) struct Bitmap {
    /// Blocks by highest order on file, for each type.
    by_order: Vec<[Bits; ORDERS]>,
    /// Blocks by bucket, for each category.
    by_place: Vec<[Bits; BUCKETS]>,
    /// Orders with a block, by type.
    orders: [u16; TYPES],
    /// Buckets with a block, by category.
    buckets: [u16; CATEGORIES],
    blocks: Vec<Known>,
}

#[derive(Clone, Copy)]
struct Known {
    category: Category,
    bucket: Bucket,
    orders: [Option<Order>; TYPES],
}

impl Bitmap {
    /// Bytes of the bitmaps, and of what must be known of each block to change them: a byte
    /// for its place and one for each type.
    pub(crate) fn bytes(&self) -> usize {
        let sets = self.by_order.iter().flatten();
        let sets = sets.chain(self.by_place.iter().flatten());
        let bitmaps: usize = sets.map(Bits::bytes).sum();
        bitmaps + self.blocks.len() * (1 + TYPES)
    }

    /// What decides whether a block is found: its bucket, and its order on file for `ty`.
    pub(crate) fn rank(&self, id: BlockId, ty: Type) -> (usize, Option<usize>) {
        let known = &self.blocks[id.0 as usize];
        let order = known.orders[ty.index()].map(Order::index);
        (known.bucket.index(), order)
    }

    fn set_place(&mut self, id: BlockId, category: Category, bucket: Bucket, here: bool) {
        let set = &mut self.by_place[category.index()][bucket.index()];
        let mask = &mut self.buckets[category.index()];
        change(set, mask, u32::from(id.0), bucket.index(), here);
    }

    fn set_order(&mut self, id: BlockId, ty: Type, order: Order, here: bool) {
        let set = &mut self.by_order[ty.index()][order.index()];
        let mask = &mut self.orders[ty.index()];
        change(set, mask, u32::from(id.0), order.index(), here);
    }
}

/// Put a block into a set or take it out, and keep the mask of sets that are not empty.
fn change(set: &mut Bits, mask: &mut u16, id: u32, nth: usize, here: bool) {
    if here {
        set.set(id);
    } else {
        set.clear(id);
    }
    if set.is_empty() {
        *mask &= !(1 << nth);
    } else {
        *mask |= 1 << nth;
    }
}

impl Finder for Bitmap {
    fn new(blocks: u32) -> Self {
        let known = Known {
            category: Category::Clean,
            bucket: Bucket(0),
            orders: [None; TYPES],
        };
        let empty = Bits::new(blocks);
        let mut bitmap = Bitmap {
            by_order: vec![std::array::from_fn(|_| empty.clone()); TYPES],
            by_place: vec![std::array::from_fn(|_| empty.clone()); CATEGORIES],
            orders: [0; TYPES],
            buckets: [0; CATEGORIES],
            blocks: vec![known; blocks as usize],
        };
        for id in crate::place::ids(blocks) {
            bitmap.set_place(id, known.category, known.bucket, true);
        }
        bitmap
    }

    fn place(&mut self, id: BlockId, category: Category, bucket: Bucket) {
        let known = &mut self.blocks[id.0 as usize];
        let old = *known;
        known.category = category;
        known.bucket = bucket;
        self.set_place(id, old.category, old.bucket, false);
        self.set_place(id, category, bucket, true);
    }

    fn file(&mut self, id: BlockId, ty: Type, order: Option<Order>) {
        let filed = &mut self.blocks[id.0 as usize].orders[ty.index()];
        let old = std::mem::replace(filed, order);
        if let Some(old) = old {
            self.set_order(id, ty, old, false);
        }
        if let Some(order) = order {
            self.set_order(id, ty, order, true);
        }
    }

    fn pick(&self, ask: Ask) -> Option<BlockId> {
        let buckets = self.buckets[ask.category.index()];
        let sufficient = self.orders[ask.ty.index()] & (u16::MAX << ask.order.index());
        for bucket in SEQUENCE {
            if buckets & (1 << bucket) == 0 {
                continue;
            }
            let place = &self.by_place[ask.category.index()][bucket as usize];
            let mut left = sufficient;
            while left != 0 {
                let order = left.trailing_zeros() as usize;
                let found = self.by_order[ask.ty.index()][order].first_common(place);
                if let Some(id) = found {
                    return Some(BlockId(id as u16));
                }
                left &= left - 1;
            }
        }
        None
    }
}
