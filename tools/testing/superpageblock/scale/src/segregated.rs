// SPDX-License-Identifier: GPL-2.0-only

//! How does the policy's index find a block? By lists of blocks that are alike.

use crate::finder::Ask;
use crate::finder::Finder;
use crate::finder::FULLEST;
use crate::place;
use crate::policy::fullness::Bucket;
use crate::policy::fullness::Category;
use crate::policy::index::Index;
use crate::policy::index::Link;
use crate::policy::index::Linked;
use crate::policy::index::Slot;
use crate::policy::units::BlockId;
use crate::policy::units::Order;
use crate::policy::units::Type;
use crate::policy::units::TYPES;

/// The index, and what it needs of each block.
pub(crate) struct Segregated {
    index: Box<Index>,
    blocks: Vec<Known>,
}

#[derive(Clone, Copy)]
struct Known {
    category: Category,
    bucket: Bucket,
    links: [Link; TYPES],
}

impl Linked for Known {
    #[inline]
    fn links(&self) -> &[Link; TYPES] {
        &self.links
    }

    #[inline]
    fn links_mut(&mut self) -> &mut [Link; TYPES] {
        &mut self.links
    }
}

impl Segregated {
    fn known(&mut self, id: BlockId) -> &mut Known {
        &mut self.blocks[id.0 as usize]
    }
}

impl Finder for Segregated {
    fn new(blocks: u32) -> Self {
        let known = Known {
            category: Category::Clean,
            bucket: Bucket(0),
            links: [Link::NONE; TYPES],
        };
        Segregated {
            index: place::index(),
            blocks: vec![known; blocks as usize],
        }
    }

    fn place(&mut self, id: BlockId, category: Category, bucket: Bucket) {
        let known = self.known(id);
        known.category = category;
        known.bucket = bucket;
        for ty in Type::ALL {
            if let Some(slot) = self.known(id).links[ty.index()].slot() {
                self.file(id, ty, Some(slot.order));
            }
        }
    }

    fn file(&mut self, id: BlockId, ty: Type, order: Option<Order>) {
        self.index.remove(&mut self.blocks, id, ty);
        let Some(order) = order else {
            return;
        };
        let known = self.known(id);
        let slot = Slot {
            category: known.category,
            bucket: known.bucket,
            order,
        };
        self.index.insert(&mut self.blocks, id, ty, slot);
    }

    #[inline]
    fn pick(&self, ask: Ask) -> Option<BlockId> {
        self.index.pick(ask.category, ask.ty, ask.order, FULLEST)
    }
}
