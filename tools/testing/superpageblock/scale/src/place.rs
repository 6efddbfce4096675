// SPDX-License-Identifier: GPL-2.0-only

//! Where does a zone of any number of blocks live? On the heap, zeroed, as in the kernel.

use std::mem::size_of;
use std::mem::MaybeUninit;

use crate::policy::index::Index;
use crate::policy::units::BlockId;
use crate::policy::units::Geometry;
use crate::policy::units::Order;
use crate::policy::units::Type;
use crate::policy::zone::Block;
use crate::policy::zone::Totals;
use crate::policy::zone::Zone;

/// Pages of 4 KB, pageblocks of 2 MB, blocks of 1 GB.
pub(crate) const X86: Geometry = Geometry {
    pageblock_order: Order::new(9),
    block_order: 18,
};

/// Pages in a complete block of [`X86`].
pub(crate) const GB: u32 = 1 << 18;

/// Mask of the largest order that a free page of [`X86`] has.
pub(crate) const LARGEST: u16 = 1 << 10;

/// The default of the parameter `reserve_percent`.
const RESERVE_PERCENT: u32 = 3;

/// Bytes that the policy keeps for each block.
pub const BYTES_PER_BLOCK: usize = size_of::<Block>();

/// Bytes that the policy keeps for each zone besides, the number of blocks included.
pub const BYTES_PER_ZONE: usize = size_of::<Totals>() + size_of::<usize>();

/// A type for which zeroed memory is valid.
///
/// # Safety
///
/// All fields are integers, arrays of integers, `bool`s or enums with a variant numbered 0.
#[expect(unsafe_code)]
unsafe trait Zeroable {}

// SAFETY: an array of `u16` in three shapes.
#[expect(unsafe_code)]
unsafe impl Zeroable for Index {}

// SAFETY: integers, a geometry of integers, and an `Index`.
#[expect(unsafe_code)]
unsafe impl Zeroable for Totals {}

#[expect(unsafe_code)]
fn zeroed<T: Zeroable>() -> Box<T> {
    let memory = Box::new(MaybeUninit::<T>::zeroed());
    // SAFETY: zeroes are valid for a `Zeroable`.
    unsafe { memory.assume_init() }
}

/// An index in which nothing is filed.
pub(crate) fn index() -> Box<Index> {
    zeroed()
}

/// Memory of a zone.
pub(crate) struct Store {
    totals: Box<Totals>,
    blocks: Vec<Block>,
}

impl Store {
    /// A zone of complete blocks without a free page.
    pub(crate) fn new(blocks: u32) -> Store {
        let mut totals = zeroed::<Totals>();
        totals.set_up(X86, RESERVE_PERCENT);
        let mut store = Store {
            totals,
            blocks: vec![Block::NEW; blocks as usize],
        };
        let mut zone = store.zone();
        for id in ids(blocks) {
            zone.set_block(id, GB, 0, true);
            zone.classify(id, 0, 0);
        }
        store
    }

    /// The zone, for which no lock is needed.
    pub(crate) fn zone(&mut self) -> Zone<'_> {
        Zone {
            totals: &mut self.totals,
            blocks: &mut self.blocks,
        }
    }

    /// What the policy keeps for each block, to copy it.
    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }
}

/// Have `free` pages, all movable and in pieces of `orders`, and `dirty` pageblocks in a block.
pub(crate) fn fill(zone: &mut Zone<'_>, id: BlockId, free: u32, dirty: u32, orders: u16) {
    zone.classify(id, free, dirty);
    zone.advertise(id, Type::Movable, orders, free);
}

/// All blocks of a zone.
pub(crate) fn ids(blocks: u32) -> impl DoubleEndedIterator<Item = BlockId> {
    (0..blocks.min(BlockId::MAX_BLOCKS)).map(|n| BlockId(n as u16))
}

/// `nr` blocks of a zone in no order, the same ones each time.
pub(crate) fn scattered(blocks: u32, nr: usize) -> Vec<BlockId> {
    let mut state = 1u32;
    let mut next = move || {
        // Numerical Recipes' generator; its high bits are good enough here.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        BlockId(((u64::from(state) * u64::from(blocks)) >> 32) as u16)
    };
    (0..nr).map(|_| next()).collect()
}
