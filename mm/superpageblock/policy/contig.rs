// SPDX-License-Identifier: GPL-2.0-only

//! Which block to empty for a gigabyte page?
//!
//! Empty ones first, then those with the fewest pages to move; blocks in which
//! that failed lately come after the others.

/// Pages that one recent failure weighs: a sixteenth of a gigabyte of 4 KB
/// pages, so that a block that failed is tried after similar ones, not last.
const FAILURE_COST: u64 = 1 << 14;

/// What the order of candidates depends on; smaller is better.
#[inline]
pub(crate) const fn key(block: u32, cost: u32, failures: u32) -> u64 {
    let cost = (cost as u64).saturating_add((failures as u64).saturating_mul(FAILURE_COST));
    let cost = if cost > u32::MAX as u64 {
        u32::MAX as u64
    } else {
        cost
    };
    (cost << 32) | block as u64
}

#[cfg(any(test, CONFIG_SUPERPAGEBLOCK_KUNIT_TEST))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(superpageblock_contig))]
mod tests {
    use super::*;

    #[test]
    fn fewest_pages_to_move_come_first() {
        assert!(key(9, 0, 0) < key(1, 1, 0));
        assert!(key(9, 100, 0) < key(1, 101, 0));
        assert!(key(1, 100, 0) < key(2, 100, 0));
    }

    #[test]
    fn a_failed_block_comes_after_similar_ones() {
        assert!(key(1, 100, 1) > key(2, 5000, 0));
        assert!(key(1, 100, 1) < key(2, 200_000, 0));
        assert!(key(0, u32::MAX, u32::MAX) >= key(0, u32::MAX, 0));
    }
}
