// SPDX-License-Identifier: GPL-2.0-only

//! Do both ways of finding a block find the same kind of block?

use crate::bitmap::Bitmap;
use crate::finder::Ask;
use crate::finder::Finder;
use crate::place::scattered;
use crate::policy::fullness::Bucket;
use crate::policy::fullness::Category;
use crate::policy::units::BlockId;
use crate::policy::units::Order;
use crate::policy::units::Type;
use crate::segregated::Segregated;

const BLOCKS: u32 = 500;
const CATEGORIES: [Category; 2] = [Category::Clean, Category::Tainted];

/// Changes blocks at random, asks both ways for one each time, and counts answers that
/// differ in bucket or order.
pub fn disagreements(changes: usize) -> usize {
    let (mut lists, mut bitmap) = (Segregated::new(BLOCKS), Bitmap::new(BLOCKS));
    let changes = scattered(BLOCKS, changes).into_iter().enumerate();
    changes
        .filter(|(n, id)| {
            change(&mut lists, *n, *id);
            change(&mut bitmap, *n, *id);
            let ask = ask(*n);
            let rank = |id| bitmap.rank(id, ask.ty);
            lists.pick(ask).map(rank) != bitmap.pick(ask).map(rank)
        })
        .count()
}

/// The `n`-th change.
fn change<F: Finder>(finder: &mut F, n: usize, id: BlockId) {
    finder.place(id, CATEGORIES[n / 7 % 2], Bucket((n / 3 % 16) as u8));
    let order = (n % 5 != 0).then(|| Order::new(n as u32 % 11));
    finder.file(id, Type::ALL[n % 3], order);
}

/// What is asked for after it.
fn ask(n: usize) -> Ask {
    Ask {
        category: CATEGORIES[n % 2],
        ty: Type::ALL[n / 11 % 3],
        order: Order::new(n as u32 / 13 % 11),
    }
}
