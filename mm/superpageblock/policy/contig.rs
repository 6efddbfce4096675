// SPDX-License-Identifier: GPL-2.0-only

//! Which block to empty for a gigabyte page?
//!
//! Empty ones first, then those with the fewest pages to move; blocks in which
//! that failed lately come after the others.

/// Pages that one recent failure weighs: a sixteenth of a gigabyte of 4 KB
/// pages, so that a block that failed is tried after similar ones, not last.
/// A request that fails makes up to five attempts.
const FAILURE_COST: u32 = 1 << 14;

/// What the order of candidates depends on, in pages; smaller is better: `cost` have
/// to be moved, and `failures` attempts failed.
#[inline]
pub(crate) const fn rank(cost: u32, failures: u32) -> u32 {
    cost.saturating_add(failures.saturating_mul(FAILURE_COST))
}

#[cfg(any(test, CONFIG_SUPERPAGEBLOCK_KUNIT_TEST))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(superpageblock_contig))]
mod tests {
    use super::*;

    #[test]
    fn fewest_pages_to_move_come_first() {
        assert!(rank(0, 0) < rank(1, 0));
        assert!(rank(100, 0) < rank(101, 0));
    }

    #[test]
    fn a_failed_block_comes_after_similar_ones() {
        assert!(rank(100, 1) > rank(5000, 0));
        assert!(rank(100, 1) < rank(200_000, 0));
        assert_eq!(rank(0, u32::MAX), u32::MAX);
        assert_eq!(rank(u32::MAX, 1), u32::MAX);
    }
}
