// SPDX-License-Identifier: GPL-2.0-only

//! What does it cost to find a block, however blocks are spread over buckets?

use std::hint::black_box;

use crate::cases::Work;
use crate::cases::OPERATIONS;
use crate::finder::Ask;
use crate::finder::Finder;
use crate::place;
use crate::policy::fullness::Bucket;
use crate::policy::fullness::Category;
use crate::policy::units::BlockId;
use crate::policy::units::Order;
use crate::policy::units::Type;

const HIGH: Order = Order::new(10);
const LOW: Order = Order::new(3);

/// Asks again and again for the same.
struct Pick<F> {
    finder: F,
    ask: Ask,
    found: Option<BlockId>,
}

impl<F: Finder> Work for Pick<F> {
    fn run(&mut self) -> u32 {
        for _ in 0..OPERATIONS {
            let found = black_box(&self.finder).pick(black_box(self.ask));
            assert!(found == self.found);
        }
        OPERATIONS
    }
}

fn pick<F: Finder + 'static>(finder: F, order: u32, found: Option<BlockId>) -> Box<dyn Work> {
    let ask = Ask {
        category: Category::Clean,
        ty: Type::Movable,
        order: Order::new(order),
    };
    Box::new(Pick { finder, ask, found })
}

fn last(blocks: u32) -> BlockId {
    BlockId((blocks - 1) as u16)
}

/// All blocks on one list.
pub(crate) fn alike<F: Finder + 'static>(blocks: u32) -> Box<dyn Work> {
    let mut finder = F::new(blocks);
    // The last one filed is the first one found.
    for id in place::ids(blocks).rev() {
        finder.place(id, Category::Clean, Bucket(7));
        finder.file(id, Type::Movable, Some(HIGH));
    }
    pick(finder, 0, Some(BlockId(0)))
}

/// The only block with a page is the one with the highest number.
pub(crate) fn far_end<F: Finder + 'static>(blocks: u32) -> Box<dyn Work> {
    let mut finder = F::new(blocks);
    finder.place(last(blocks), Category::Clean, Bucket(14));
    finder.file(last(blocks), Type::Movable, Some(HIGH));
    pick(finder, 9, Some(last(blocks)))
}

/// Seven buckets of blocks with pages that are too small, then one block.
pub(crate) fn last_bucket<F: Finder + 'static>(blocks: u32) -> Box<dyn Work> {
    let mut finder = F::new(blocks);
    for id in place::ids(blocks - 1) {
        finder.place(id, Category::Clean, Bucket((id.0 % 7) as u8));
        finder.file(id, Type::Movable, Some(LOW));
    }
    finder.place(last(blocks), Category::Clean, Bucket(15));
    finder.file(last(blocks), Type::Movable, Some(HIGH));
    pick(finder, 9, Some(last(blocks)))
}

/// Every other block has the page, the rest is of the category; the last one is both.
pub(crate) fn alternating<F: Finder + 'static>(blocks: u32) -> Box<dyn Work> {
    let mut finder = F::new(blocks);
    for id in place::ids(blocks - 1) {
        let (category, order) = match id.0 % 2 {
            0 => (Category::Clean, LOW),
            _ => (Category::Tainted, HIGH),
        };
        finder.place(id, category, Bucket(7));
        finder.file(id, Type::Movable, Some(order));
    }
    finder.place(last(blocks), Category::Clean, Bucket(7));
    finder.file(last(blocks), Type::Movable, Some(HIGH));
    pick(finder, 9, Some(last(blocks)))
}

/// The same, and no block is both.
pub(crate) fn nowhere<F: Finder + 'static>(blocks: u32) -> Box<dyn Work> {
    let mut finder = F::new(blocks);
    for id in place::ids(blocks) {
        let (category, order) = match id.0 % 2 {
            0 => (Category::Clean, LOW),
            _ => (Category::Tainted, HIGH),
        };
        finder.place(id, category, Bucket(7));
        finder.file(id, Type::Movable, Some(order));
    }
    pick(finder, 9, None)
}
