// SPDX-License-Identifier: GPL-2.0-only

//! What does it cost to file a block elsewhere?

use std::hint::black_box;

use crate::cases::Work;
use crate::cases::OPERATIONS;
use crate::finder::Finder;
use crate::place;
use crate::policy::fullness::Bucket;
use crate::policy::fullness::Category;
use crate::policy::units::BlockId;
use crate::policy::units::Order;
use crate::policy::units::Type;

/// All types that a block without CMA can have pages of.
const FILED: [Type; 4] = [
    Type::Unmovable,
    Type::Movable,
    Type::Reclaimable,
    Type::HighAtomic,
];

/// Blocks in two neighbouring buckets, pages of four types in each.
fn halves<F: Finder>(blocks: u32) -> F {
    let mut finder = F::new(blocks);
    for id in place::ids(blocks) {
        finder.place(id, Category::Tainted, Bucket(4 + (id.0 % 2) as u8));
        for ty in FILED {
            finder.file(id, ty, Some(Order::new(9)));
        }
    }
    finder
}

/// Does something to many blocks, and the reverse to those that it was done to before.
struct Move<F> {
    finder: F,
    ids: Vec<BlockId>,
    done: Vec<bool>,
    step: fn(&mut F, BlockId, bool),
}

impl<F: Finder> Work for Move<F> {
    fn run(&mut self) -> u32 {
        for id in &self.ids {
            let done = &mut self.done[id.0 as usize];
            *done = !*done;
            (self.step)(&mut self.finder, black_box(*id), *done);
        }
        OPERATIONS
    }
}

fn moves<F: Finder + 'static>(blocks: u32, step: fn(&mut F, BlockId, bool)) -> Box<dyn Work> {
    Box::new(Move {
        finder: halves::<F>(blocks),
        ids: place::scattered(blocks, OPERATIONS as usize),
        done: vec![false; blocks as usize],
        step,
    })
}

/// A block crosses the edge of a bucket.
pub(crate) fn cross<F: Finder + 'static>(blocks: u32) -> Box<dyn Work> {
    moves::<F>(blocks, |finder, id, done| {
        let bucket = 4 + u8::from((id.0 % 2 == 0) == done);
        finder.place(id, Category::Tainted, Bucket(bucket));
    })
}

/// The highest order of one type in a block changes.
pub(crate) fn rise<F: Finder + 'static>(blocks: u32) -> Box<dyn Work> {
    moves::<F>(blocks, |finder, id, done| {
        let order = Order::new(9 + u32::from(done));
        finder.file(id, Type::Movable, Some(order));
    })
}
