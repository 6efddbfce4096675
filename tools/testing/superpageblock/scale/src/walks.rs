// SPDX-License-Identifier: GPL-2.0-only

//! What looks at every block, and what does that cost?

use std::hint::black_box;

use crate::cases::Work;
use crate::cases::OPERATIONS;
use crate::place;
use crate::place::fill;
use crate::place::Store;
use crate::place::GB;
use crate::place::LARGEST;
use crate::policy::contig;
use crate::policy::zone::Block;

/// Blocks that are clean, with different numbers of pages to move.
fn store(blocks: u32) -> Store {
    let mut store = Store::new(blocks);
    let mut zone = store.zone();
    for id in place::ids(blocks) {
        fill(&mut zone, id, cost(id.0.into()), 0, LARGEST);
    }
    store
}

/// Pages to move out of a block.
fn cost(block: u32) -> u32 {
    block.wrapping_mul(2_654_435_761) % GB
}

struct Key {
    blocks: u32,
}

impl Work for Key {
    fn run(&mut self) -> u32 {
        for n in 0..OPERATIONS {
            black_box(contig::rank(black_box(cost(n % self.blocks)), 1));
        }
        OPERATIONS
    }
}

/// The rank of one block for a 1 GB page.
pub(crate) fn contig_rank(blocks: u32) -> Box<dyn Work> {
    Box::new(Key { blocks })
}

struct Ranking {
    costs: Vec<u32>,
    keys: Vec<u64>,
}

impl Work for Ranking {
    fn run(&mut self) -> u32 {
        for (n, (key, cost)) in self.keys.iter_mut().zip(&self.costs).enumerate() {
            *key = u64::from(contig::rank(*cost, 0)) << 32 | n as u64;
        }
        self.keys.sort_unstable();
        black_box(&self.keys);
        1
    }
}

/// The ranking of all blocks for a 1 GB page, as `spb_contig_order()` makes it.
pub(crate) fn contig_ranking(blocks: u32) -> Box<dyn Work> {
    let costs: Vec<u32> = (0..blocks).map(cost).collect();
    let keys = vec![0; costs.len()];
    Box::new(Ranking { costs, keys })
}

struct Tally {
    store: Store,
}

impl Work for Tally {
    fn run(&mut self) -> u32 {
        black_box(self.store.zone().tally());
        1
    }
}

/// The numbers of blocks by state, as debugfs shows them.
pub(crate) fn tally(blocks: u32) -> Box<dyn Work> {
    let store = store(blocks);
    Box::new(Tally { store })
}

struct Growth {
    store: Store,
    room: Vec<Block>,
}

impl Work for Growth {
    fn run(&mut self) -> u32 {
        self.room.copy_from_slice(self.store.blocks());
        black_box(&self.room);
        1
    }
}

/// Room for more blocks after memory was added: what is known is copied.
pub(crate) fn zone_move(blocks: u32) -> Box<dyn Work> {
    let room = vec![Block::NEW; blocks as usize];
    let store = store(blocks);
    Box::new(Growth { store, room })
}
