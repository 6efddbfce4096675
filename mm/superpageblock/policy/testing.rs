// SPDX-License-Identifier: GPL-2.0-only

//! Where does a test keep a zone? On the heap, for kernel stacks are small.
//!
//! The only file here that knows whether it runs in the kernel or on the host.

use super::units::Geometry;
use super::units::Order;
use super::zone::Block;
use super::zone::Totals;
use super::zone::Zone;
#[cfg(not(test))]
use kernel::alloc::flags::GFP_KERNEL;
#[cfg(not(test))]
use kernel::alloc::KVBox;
#[cfg(not(test))]
use kernel::prelude::InPlaceInit;

#[cfg(test)]
type Heap<T> = std::boxed::Box<T>;
#[cfg(not(test))]
type Heap<T> = KVBox<T>;

/// Pages of 4 KB, pageblocks of 2 MB, blocks of 1 GB.
pub(crate) const X86: Geometry = Geometry {
    pageblock_order: Order::new(9),
    block_order: 18,
};

/// Pages in a complete block of [`X86`].
pub(crate) const GB: u32 = 1 << 18;

/// A test could not get its memory.
#[derive(Debug)]
pub(crate) struct NoMemory;

/// What a test returns that needs memory.
pub(crate) type TestResult = Result<(), NoMemory>;

#[cfg(test)]
fn totals() -> Result<Heap<Totals>, NoMemory> {
    Ok(Heap::new(Totals::new(X86)))
}

#[cfg(not(test))]
fn totals() -> Result<Heap<Totals>, NoMemory> {
    // Zeroed in place: made by value, it would be on the stack for a moment.
    let mut totals =
        Heap::init(pin_init::init_zeroed::<Totals>(), GFP_KERNEL).map_err(|_| NoMemory)?;
    totals.set_up(X86, 3);
    Ok(totals)
}

/// Room for a zone of four blocks.
pub(crate) struct TestZone {
    totals: Heap<Totals>,
    blocks: [Block; 4],
}

impl TestZone {
    /// A zone of [`X86`] sizes in which no block is known.
    pub(crate) fn new() -> Result<TestZone, NoMemory> {
        Ok(TestZone {
            totals: totals()?,
            blocks: [Block::NEW; 4],
        })
    }

    /// The zone, for which no lock is needed.
    pub(crate) fn zone(&mut self) -> Zone<'_> {
        Zone {
            totals: &mut self.totals,
            blocks: &mut self.blocks,
        }
    }
}
