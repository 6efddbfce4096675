// SPDX-License-Identifier: GPL-2.0-only

//! What does a zone's policy consist of, and who may touch it?

use crate::policy::units::Geometry;
use crate::policy::zone::Block;
use crate::policy::zone::Totals;
use crate::policy::zone::Zone;
use core::cell::UnsafeCell;
use kernel::alloc::flags::GFP_KERNEL;
use kernel::alloc::AllocError;
use kernel::prelude::*;

/// Proof that the lock of the zone in question is held.
///
/// # Invariants
///
/// While a value exists, its creator holds the lock of one zone, and there is
/// no other value for that zone.
pub(crate) struct ZoneLockHeld(());

impl ZoneLockHeld {
    /// # Safety
    ///
    /// The caller holds the lock of the zone whose state it is going to use
    /// for as long as the value lives, and has no other such value.
    pub(crate) unsafe fn new() -> Self {
        // INVARIANT: the caller guarantees it.
        ZoneLockHeld(())
    }
}

/// The policy's state of one zone; C holds it as `struct spb_policy_zone`.
pub(crate) struct ZoneState {
    totals: KVBox<UnsafeCell<Totals>>,
    blocks: UnsafeCell<KVVec<Block>>,
}

impl ZoneState {
    /// State for `nr_blocks` blocks, none of them added yet. May sleep.
    pub(crate) fn new(nr_blocks: usize, geometry: Geometry) -> Result<KBox<Self>, AllocError> {
        let mut blocks = KVVec::with_capacity(nr_blocks, GFP_KERNEL)?;
        for _ in 0..nr_blocks {
            blocks.push(Block::NEW, GFP_KERNEL)?;
        }
        KBox::new(
            ZoneState {
                totals: KVBox::new(UnsafeCell::new(Totals::new(geometry)), GFP_KERNEL)?,
                blocks: UnsafeCell::new(blocks),
            },
            GFP_KERNEL,
        )
    }

    /// Borrow the state for as long as the lock is held.
    #[inline]
    pub(crate) fn lock<'a>(&'a self, _held: &'a mut ZoneLockHeld) -> Zone<'a> {
        Zone {
            // SAFETY: `_held` proves that the caller holds the zone's lock and,
            // borrowed mutably, that no other `Zone` of this state is alive.
            totals: unsafe { &mut *self.totals.get() },
            // SAFETY: as above.
            blocks: unsafe { &mut *self.blocks.get() },
        }
    }
}
