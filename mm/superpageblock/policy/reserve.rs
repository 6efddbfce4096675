// SPDX-License-Identifier: GPL-2.0-only

//! How much free memory does a tainted block keep from movable requests?
//!
//! Movable pages in a tainted block take room that kernel memory will need, and
//! then taint a clean block for want of it. What is withheld counts as not free
//! where a movable request makes its first attempt, and for kswapd as long as that
//! finds something to reclaim. Later it gives way: it delays nobody and never causes
//! an OOM.

use super::units::Geometry;

/// Least number of pageblocks withheld if any, but no more than a quarter of them.
const MIN_PAGEBLOCKS: u32 = 4;

/// The zone's tainted blocks together withhold 1/100 of the zone, as of the
/// number of them when each was last classified.
const ZONE_SHARE: u64 = 100;

/// Pages that each of `tainted` blocks withholds in a zone of `zone_pages`, if it
/// is to withhold `percent` of its pageblocks.
#[inline]
pub(crate) const fn pages(geometry: &Geometry, percent: u32, zone_pages: u64, tainted: u32) -> u32 {
    if percent == 0 {
        return 0;
    }
    let share = geometry.pageblocks().wrapping_mul(percent) / 100;
    let quarter = geometry.pageblocks() / 4;
    let least = if MIN_PAGEBLOCKS < quarter {
        MIN_PAGEBLOCKS
    } else {
        quarter
    };
    let wanted = if share < least { least } else { share };
    let wanted = wanted.wrapping_mul(geometry.pageblock_pages());
    // One block may have all of it, many share. A shift that rounds the number
    // of blocks up to a power of two, for a division by it could panic.
    let bound = zone_pages / ZONE_SHARE;
    let shift = 32u32.wrapping_sub(tainted.saturating_sub(1).leading_zeros());
    let bound = bound >> (shift & 31);
    if bound < wanted as u64 {
        bound as u32
    } else {
        wanted
    }
}

/// What a block that is below its reserve withholds, in steps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Kept {
    /// Pages withheld: the free ones, rounded to a step.
    pub(crate) pages: u32,
    /// First number of free pages for which this is near enough.
    pub(crate) lo: u32,
    /// First number of free pages above those.
    pub(crate) hi: u32,
}

/// What a block with `free` pages withholds of `reserve` pages. A step is the power of
/// two in a quarter to an eighth of the reserve, but no less than four pageblocks. Two
/// pageblocks, half of that, pass between two calls: for a moment the largest free page
/// is off the lists while a part of it is taken.
#[inline]
pub(crate) const fn kept(geometry: &Geometry, free: u32, reserve: u32) -> Kept {
    let quarter = 29u32.saturating_sub(reserve.leading_zeros());
    let least = (geometry.pageblock_order.index() as u32).wrapping_add(2);
    let shift = if quarter < least { least } else { quarter } & 31;
    let (step, half) = (1u32 << shift, 1u32 << shift >> 1);
    // Rounding goes half a step either way; a quarter more, and it is done again.
    let near = half.wrapping_add(half >> 1);
    let have = if free < reserve { free } else { reserve };
    let nearest = have.saturating_add(half) >> shift << shift;
    let next = nearest.saturating_add(step);
    Kept {
        pages: if nearest < reserve { nearest } else { reserve },
        lo: nearest.saturating_sub(near),
        hi: if next > reserve.saturating_add(half) {
            u32::MAX
        } else {
            nearest.saturating_add(near)
        },
    }
}

/// Pages that a zone of `zone_pages` withholds where its blocks withhold `sum`: each
/// block's part dates from when it was classified last.
#[inline]
pub(crate) const fn bounded(sum: u64, zone_pages: u64) -> u64 {
    let bound = zone_pages / ZONE_SHARE;
    if bound < sum {
        bound
    } else {
        sum
    }
}

#[cfg(any(test, CONFIG_SUPERPAGEBLOCK_KUNIT_TEST))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(superpageblock_reserve))]
mod tests {
    use super::super::units::Order;
    use super::*;

    /// The default of the parameter `reserve_percent`.
    const PERCENT: u32 = 3;

    const X86: Geometry = Geometry {
        pageblock_order: Order::new(9),
        block_order: 18,
    };

    #[test]
    fn a_block_in_a_large_zone_withholds_three_percent() {
        assert_eq!(pages(&X86, PERCENT, 1 << 26, 1), 15 * 512);
    }

    #[test]
    fn the_sum_is_bounded_by_one_percent_of_the_zone() {
        let zone = 4u64 << 18;
        assert!(u64::from(pages(&X86, PERCENT, zone, 1)) <= zone / 100);
        assert!(u64::from(pages(&X86, PERCENT, zone, 3)) * 3 <= zone / 100);
        assert!(u64::from(pages(&X86, PERCENT, zone, 4)) * 4 <= zone / 100);
        assert!(u64::from(pages(&X86, PERCENT, zone, 1)) > 0);
        assert_eq!(pages(&X86, 0, zone, 1), 0);
    }

    #[test]
    fn what_is_left_of_a_reserve_is_withheld_in_steps() {
        const STEP: u32 = 4 * 512;
        for reserve in [1300, 15 * 512] {
            for free in 0..reserve {
                let kept = kept(&X86, free, reserve);
                assert!(kept.pages <= reserve && kept.pages.abs_diff(free) <= STEP / 2);
                assert!(kept.lo <= free && free < kept.hi);
            }
            // For a block that was below it just now.
            let most = kept(&X86, reserve + 1000, reserve);
            assert_eq!((most.pages, most.hi), (reserve, u32::MAX));
        }
        // Too little to be worth a call.
        assert_eq!(kept(&X86, 99, 100).pages, 0);
    }

    /// Pages withheld when a block has come from `from` free pages to `to`, one at a
    /// time, and how often somebody had to look again.
    fn change(from: u32, to: u32, reserve: u32) -> (u32, u32) {
        let (mut free, mut calls) = (from, 0);
        let mut known = kept(&X86, free, reserve);
        while free != to {
            let step = if to < free { u32::MAX } else { 1 };
            free = free.wrapping_add(step);
            if free < known.lo || free >= known.hi {
                known = kept(&X86, free, reserve);
                calls = u32::saturating_add(calls, 1);
            }
        }
        (known.pages, calls)
    }

    #[test]
    fn no_more_is_withheld_than_is_there_for_long() {
        for reserve in [1300, 2621, 15 * 512] {
            assert_eq!(change(reserve - 1, 0, reserve).0, 0);
            let risen = change(0, reserve + 1024, reserve).0;
            assert!(risen <= reserve && reserve - risen <= 1024);
            for free in 0..reserve {
                let (pages, calls) = change(reserve - 1, free, reserve);
                assert!(pages <= free + 3 * 512 && calls <= 4);
            }
        }
    }

    #[test]
    fn a_zone_withholds_no_more_than_one_percent() {
        assert_eq!(bounded(100, 20_000), 100);
        assert_eq!(bounded(300, 20_000), 200);
    }
}
