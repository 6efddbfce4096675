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
    pub(crate) unsafe fn init(
        state: NonNull<ZoneState>,
        nr_blocks: u32,
        geometry: Geometry,
        reserve_percent: u32,
    ) {
        // SAFETY: the caller gives us the memory. Zeroes are valid for all
        // fields: they are integers, arrays of integers, `bool`s that are
        // false and enums with a variant numbered 0.
        let state = unsafe { &mut *state.as_ptr() };
        // INVARIANT: `bytes()` has room for the blocks, and zeroes are valid
        // for them for the same reason.
        state.nr_blocks = nr_blocks as usize;
        state.totals.set_up(geometry, reserve_percent);
    }

    /// Set up `to` for `nr_blocks` blocks with everything that is known in `from`.
    ///
    /// # Safety
    ///
    /// `to` is as for [`ZoneState::init`]. `from` was set up, for fewer blocks
    /// or as many, and nobody changes it meanwhile.
    pub(crate) unsafe fn move_to(from: NonNull<ZoneState>, to: NonNull<ZoneState>, nr_blocks: u32) {
        // SAFETY: `from` was set up, see above.
        let known = unsafe { (*from.as_ptr()).nr_blocks };
        let bytes = Self::BLOCKS_OFFSET.wrapping_add(known.wrapping_mul(size_of::<Block>()));
        // SAFETY: both have room for `known` blocks and do not overlap. Blocks
        // refer to each other by number, so that a copy is as good.
        unsafe {
            core::ptr::copy_nonoverlapping(
                from.cast::<u8>().as_ptr(),
                to.cast::<u8>().as_ptr(),
                bytes,
            )
        };
        // INVARIANT: the blocks behind the known ones are zeroes, which are
        // valid for them.
        // SAFETY: `to` is ours.
        unsafe { (*to.as_ptr()).nr_blocks = nr_blocks as usize };
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

#[cfg(CONFIG_SUPERPAGEBLOCK_KUNIT_TEST)]
#[kernel::macros::kunit_tests(superpageblock_state)]
mod tests {
    use super::*;
    use crate::policy::testing::NoMemory;
    use crate::policy::testing::TestResult;
    use crate::policy::testing::GB;
    use crate::policy::testing::X86;
    use crate::policy::units::BlockId;
    use crate::policy::units::Type;
    use kernel::alloc::KVVec;
    use kernel::prelude::GFP_KERNEL;

    /// Zeroed memory for a zone with `nr_blocks` blocks.
    fn memory(nr_blocks: u32) -> Result<KVVec<u64>, NoMemory> {
        let words = ZoneState::bytes(nr_blocks).div_ceil(size_of::<u64>());
        KVVec::from_elem(0, words, GFP_KERNEL).map_err(|_| NoMemory)
    }

    fn state(memory: &mut KVVec<u64>) -> NonNull<ZoneState> {
        NonNull::from(memory.as_mut_slice()).cast()
    }

    #[test]
    fn a_larger_state_knows_what_the_smaller_knew() -> TestResult {
        let (mut small, mut large) = (memory(1)?, memory(3)?);
        let (small, large) = (state(&mut small), state(&mut large));
        // SAFETY: the memory is zeroed, large enough, and only used here.
        let mut before = unsafe {
            ZoneState::init(small, 1, X86, 3);
            Locked::new(small)
        };
        let mut zone = before.zone();
        zone.set_block(BlockId(0), GB, 0, true);
        zone.classify(BlockId(0), GB / 2, 1);
        zone.advertise(BlockId(0), Type::Movable, 1 << 10, GB / 2);

        // SAFETY: as above, and nobody changes `small` meanwhile.
        let mut after = unsafe {
            ZoneState::move_to(small, large, 3);
            Locked::new(large)
        };
        let mut zone = after.zone();
        assert_eq!(zone.verify(), 0);
        assert_eq!(zone.tally().tainted, 1);
        // There is room for blocks that the smaller state had no room for.
        zone.set_block(BlockId(2), GB, 0, true);
        zone.classify(BlockId(2), GB, 0);
        zone.advertise(BlockId(2), Type::Movable, 1 << 10, GB);
        assert_eq!(zone.verify(), 0);
        assert_eq!(zone.tally().empty, 1);
        Ok(())
    }
}
