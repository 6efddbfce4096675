// SPDX-License-Identifier: GPL-2.0-only

//! Which tainted block to move movable pages out of?
//!
//! Kernel memory that finds no room in tainted blocks costs a clean one. Room is
//! made where it is used next: in blocks that can never be a gigabyte page, then
//! in the one with the most kernel memory, for allocations go there first.

/// What a block holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Occupancy {
    /// Pages in use, without those that boot has reserved. Which of them can move is
    /// known once they are looked at.
    pub(crate) in_use: u32,
    /// Pageblocks without non-movable content.
    pub(crate) sparse: u32,
    /// Pages in a pageblock.
    pub(crate) pageblock: u32,
    /// Attempts that failed since the last that succeeded.
    pub(crate) failures: u32,
    /// Never a gigabyte page.
    pub(crate) lost: bool,
}

/// Failures after which a block is left alone until its failures are forgotten.
const MAX_FAILURES: u32 = 16;

/// Rank among blocks, smaller is better; the low word is `block`. `None` where
/// little is in use, or that was tried too often.
///
/// | bits | what |
/// |---|---|
/// | 56..60 | failures: another block is tried first |
/// | 55 | may be a gigabyte page some day |
/// | 32..48 | pageblocks without non-movable content |
#[inline]
pub(crate) const fn key(block: u32, held: &Occupancy) -> Option<u64> {
    if held.failures >= MAX_FAILURES || held.in_use < held.pageblock / 2 {
        return None;
    }
    let sparse = if held.sparse > 0xffff {
        0xffff
    } else {
        held.sparse as u64
    };
    let keep = if held.lost { 0 } else { 1u64 << 55 };
    Some((held.failures as u64) << 56 | keep | sparse << 32 | block as u64)
}

#[cfg(any(test, CONFIG_SUPERPAGEBLOCK_KUNIT_TEST))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(superpageblock_evacuate))]
mod tests {
    use super::super::testing::NoMemory;
    use super::*;

    const HELD: Occupancy = Occupancy {
        in_use: 100_000,
        sparse: 200,
        pageblock: 512,
        failures: 0,
        lost: false,
    };

    fn rank(held: Occupancy) -> Result<u64, NoMemory> {
        key(7, &held).ok_or(NoMemory)
    }

    #[test]
    fn dense_and_lost_blocks_come_first() -> Result<(), NoMemory> {
        let usual = rank(HELD)?;
        let denser = Occupancy {
            sparse: 199,
            ..HELD
        };
        assert!(rank(denser)? < usual);
        let lost = Occupancy {
            lost: true,
            sparse: 512,
            ..HELD
        };
        assert!(rank(lost)? < usual);
        assert_eq!(usual as u32, 7);
        Ok(())
    }

    #[test]
    fn a_block_that_failed_comes_last_and_then_not_at_all() -> Result<(), NoMemory> {
        let failed = Occupancy {
            failures: 1,
            lost: true,
            sparse: 1,
            ..HELD
        };
        assert!(rank(failed)? > rank(HELD)?);
        let often = Occupancy {
            failures: MAX_FAILURES,
            ..HELD
        };
        assert_eq!(key(7, &often), None);
        Ok(())
    }

    #[test]
    fn a_block_with_nothing_to_move_is_left_alone() {
        let empty = Occupancy {
            in_use: 255,
            ..HELD
        };
        assert_eq!(key(7, &empty), None);
    }
}
