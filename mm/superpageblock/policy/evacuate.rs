// SPDX-License-Identifier: GPL-2.0-only

//! Which pageblock to move movable pages out of, and when to give up?
//!
//! Kernel memory that finds no room in tainted blocks costs a clean one. Room is
//! made where it is used next: in blocks that can never be a gigabyte page, then
//! in the one with the most kernel memory, for allocations go there first.
//!
//! Who gives up, and for how long:
//!
//! - A node's requests, for [`Limits::request_rest_ms`] after one of them got no
//!   room with [`Limits::tries`] pageblocks. They then taint at once, and none is
//!   refused.
//! - The worker of a zone, for [`Limits::worker_rest_ms`] after a pass that got nowhere:
//!   it moved nothing, or was not done and did not move more pages than it left. For
//!   [`Limits::wait_ms`] if all it lacked was memory to move them to.
//! - A block comes after others once for each failure, until more of a pageblock in
//!   it moved than stayed, or the worker forgives half of them.

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

/// What a pageblock holds, in pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Contents {
    /// Those that look as if they could move.
    pub(crate) movable: u32,
    /// Those that do not.
    pub(crate) others: u32,
    /// All, with those that are free.
    pub(crate) pageblock: u32,
}

/// Rank among pageblocks, smaller is better: those that would be wholly free after
/// the fewest moves, then those of which the most can be freed. `None` where it is
/// not worth while: nothing to move, or beside what stays less than a sixteenth.
#[inline]
pub(crate) const fn pageblock_key(held: &Contents) -> Option<u32> {
    if held.movable == 0 {
        return None;
    }
    if held.others == 0 {
        return Some(held.movable);
    }
    if held.movable < held.pageblock / 16 {
        return None;
    }
    let all = held.pageblock.saturating_mul(2);
    Some(all.saturating_sub(held.movable))
}

/// How much is done to make room, and when it is given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    /// Pageblocks that one request has emptied.
    pub(crate) tries: u32,
    /// Pageblocks worth emptying of which the best is taken.
    pub(crate) sample: u32,
    /// Pageblocks that are looked through to find them.
    pub(crate) search: u32,
    /// Pages of a pageblock that may stay; with more of them it is not worth the
    /// others.
    pub(crate) stay: u32,
    /// Attempts to move a folio that fail until a pass of the worker ends.
    pub(crate) failed: u32,
    /// Pageblocks that the worker empties until others have their turn.
    pub(crate) pass: u32,
    /// What is wanted within this time is done in one go, in milliseconds.
    pub(crate) gather_ms: u32,
    /// How long requests rest, in milliseconds.
    pub(crate) request_rest_ms: u32,
    /// How long a worker rests that got nowhere, in milliseconds.
    pub(crate) worker_rest_ms: u32,
    /// The same where it lacked memory to move pages to, which others may be freeing.
    pub(crate) wait_ms: u32,
}

/// To look at a sample takes a small part of the time that moving one pageblock
/// takes. 64 failures and five seconds are those of the published work on evacuation.
pub(crate) const LIMITS: Limits = Limits {
    tries: 4,
    sample: 8,
    search: 64,
    stay: 32,
    failed: 64,
    pass: 256,
    gather_ms: 20,
    request_rest_ms: 100,
    worker_rest_ms: 5000,
    wait_ms: 100,
};

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

    const PAGEBLOCK: Contents = Contents {
        movable: 100,
        others: 0,
        pageblock: 512,
    };

    #[test]
    fn a_pageblock_that_can_be_emptied_comes_before_one_that_cannot() {
        let fewer = Contents {
            movable: 99,
            ..PAGEBLOCK
        };
        assert_eq!(pageblock_key(&fewer), Some(99));
        assert_eq!(pageblock_key(&PAGEBLOCK), Some(100));
        let mixed = Contents {
            others: 1,
            ..PAGEBLOCK
        };
        let full = Contents {
            movable: 512,
            ..PAGEBLOCK
        };
        assert_eq!(pageblock_key(&full), Some(512));
        assert_eq!(pageblock_key(&mixed), Some(924));
        // Of those that stay in use, the one that gains the most.
        let gains = Contents {
            movable: 400,
            ..mixed
        };
        assert_eq!(pageblock_key(&gains), Some(624));
    }

    #[test]
    fn a_pageblock_that_gains_little_is_left_alone() {
        let free = Contents {
            movable: 0,
            ..PAGEBLOCK
        };
        assert_eq!(pageblock_key(&free), None);
        let little = Contents {
            movable: 31,
            others: 1,
            ..PAGEBLOCK
        };
        assert_eq!(pageblock_key(&little), None);
        let enough = Contents {
            movable: 32,
            ..little
        };
        assert_eq!(pageblock_key(&enough), Some(992));
    }

    #[test]
    fn a_block_with_nothing_to_move_is_left_alone() {
        let empty = Occupancy {
            in_use: 255,
            ..HELD
        };
        assert_eq!(key(7, &empty), None);
        let half = Occupancy {
            in_use: 256,
            ..HELD
        };
        assert!(key(7, &half).is_some());
    }
}
