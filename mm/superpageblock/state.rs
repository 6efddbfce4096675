// SPDX-License-Identifier: GPL-2.0-only

//! What does a zone's policy consist of, and who may touch it?

use crate::policy::units::Geometry;
use crate::policy::zone::Block;
use crate::policy::zone::Totals;
use crate::policy::zone::Zone;
use core::mem::size_of;
use core::ptr::NonNull;
use kernel::types::NotThreadSafe;

/// The policy's state of one zone; C holds it as `struct spb_policy_zone` and
/// provides the memory, since during early boot only C can.
///
/// # Invariants
///
/// `nr_blocks` initialised `Block`s follow at [`ZoneState::BLOCKS_OFFSET`].
#[repr(C)]
pub(crate) struct ZoneState {
    totals: Totals,
    nr_blocks: usize,
}

impl ZoneState {
    const BLOCKS_OFFSET: usize = size_of::<ZoneState>().next_multiple_of(align_of::<Block>());

    /// Bytes that `nr_blocks` blocks need.
    pub(crate) const fn bytes(nr_blocks: u32) -> usize {
        Self::BLOCKS_OFFSET + nr_blocks as usize * size_of::<Block>()
    }

    /// Set up a zone with `nr_blocks` blocks, none of them added yet.
    ///
    /// # Safety
    ///
    /// `state` points to [`ZoneState::bytes`] zeroed bytes, aligned for
    /// pointers, which nobody else uses.
    pub(crate) unsafe fn init(state: NonNull<ZoneState>, nr_blocks: u32, geometry: Geometry) {
        // SAFETY: the caller gives us the memory. Zeroes are valid for all
        // fields: they are integers, arrays of integers, `bool`s that are
        // false and enums with a variant numbered 0.
        let state = unsafe { &mut *state.as_ptr() };
        // INVARIANT: `bytes()` has room for the blocks, and zeroes are valid
        // for them for the same reason.
        state.nr_blocks = nr_blocks as usize;
        state.totals.set_geometry(geometry);
    }
}

/// A zone's state whose lock is held: the only way to reach it.
///
/// # Invariants
///
/// While a value lives, the lock of the zone of `.0` is held, `.0` was set up
/// by [`ZoneState::init`], and there is no other value for that zone.
pub(crate) struct Locked(NonNull<ZoneState>, NotThreadSafe);

impl Locked {
    /// # Safety
    ///
    /// `state` was set up by [`ZoneState::init`]. The caller holds the lock of
    /// its zone for as long as the value lives, and has no other value for it.
    #[inline]
    pub(crate) unsafe fn new(state: NonNull<ZoneState>) -> Self {
        // INVARIANT: the caller guarantees it.
        Locked(state, NotThreadSafe)
    }

    /// The zone, for the policy.
    #[inline]
    pub(crate) fn zone(&mut self) -> Zone<'_> {
        let state = self.0.as_ptr();
        // SAFETY: by our invariant the state is there and nobody else uses it;
        // `self` stays borrowed for as long as the references live.
        let header = unsafe { &mut *state };
        // SAFETY: by the invariant of `ZoneState` the blocks follow at this
        // offset, in the same allocation, and do not overlap the header.
        let blocks = unsafe {
            core::slice::from_raw_parts_mut(
                state
                    .cast::<u8>()
                    .add(ZoneState::BLOCKS_OFFSET)
                    .cast::<Block>(),
                header.nr_blocks,
            )
        };
        Zone {
            totals: &mut header.totals,
            blocks,
        }
    }
}

// SAFETY: zeroes are valid for all fields, as `ZoneState::init()` requires.
#[cfg(CONFIG_SUPERPAGEBLOCK_KUNIT_TEST)]
unsafe impl pin_init::Zeroable for Totals {}
