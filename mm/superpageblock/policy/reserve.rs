// SPDX-License-Identifier: GPL-2.0-only

//! How much free memory does a tainted block keep from movable requests?
//!
//! Movable pages in a tainted block take room that kernel memory will need, and
//! then taint a clean block for want of it. The reserve gives way in the second
//! pass of a request, so it can delay nobody and never causes an OOM.

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
}
