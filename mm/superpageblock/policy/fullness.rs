// SPDX-License-Identifier: GPL-2.0-only

//! How good a place is a block? Its category and bucket, with hysteresis.

use super::reserve;
use super::units::Geometry;

/// What a block is to the policy; selects the lists on which it is filed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Category {
    /// Clean, but cut by a zone, node or memory edge: never a gigabyte page.
    LostClean = 0,
    /// Complete; only free and movable pages inside.
    Clean = 1,
    /// Tainted, and cut by an edge or holding boot-reserved pages.
    LostTainted = 2,
    /// Complete; holds memory that cannot move.
    Tainted = 3,
    /// Holds CMA pageblocks.
    Cma = 4,
    /// Not a state of the block but of one type in it: so few free pages that
    /// they are used only when nothing else is left. See [`super::zone`].
    Remnant = 5,
}

/// Number of [`Category`] values.
pub(crate) const CATEGORIES: usize = 6;

impl Category {
    /// Every category, in the order of its number.
    pub(crate) const ALL: [Category; CATEGORIES] = [
        Category::LostClean,
        Category::Clean,
        Category::LostTainted,
        Category::Tainted,
        Category::Cma,
        Category::Remnant,
    ];

    /// As an index below [`CATEGORIES`].
    #[inline]
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// Whether buckets rank by non-movable content instead of free pages.
    #[inline]
    pub(crate) const fn is_tainted(self) -> bool {
        matches!(self, Category::LostTainted | Category::Tainted)
    }
}

/// Number of buckets in a category.
pub(crate) const BUCKETS: usize = 16;

/// Rank of a block within its category, below [`BUCKETS`].
///
/// Without non-movable content: sixteenths of a gigabyte that are free, 0 to
/// 14, and [`Bucket::EMPTY`]. With: eighths of the pageblocks that are not
/// dirty, 0 to 7, plus 8 when the block has less free memory than its reserve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bucket(pub(crate) u8);

impl Bucket {
    /// Wholly free.
    pub(crate) const EMPTY: Bucket = Bucket(15);
    /// Set in the bucket of a tainted block that is below its reserve.
    pub(crate) const BELOW_RESERVE: u8 = 8;

    /// As an index below [`BUCKETS`].
    #[inline]
    pub(crate) const fn index(self) -> usize {
        (self.0 & 15) as usize
    }
}

/// Half-open interval of free pages within which a block keeps its bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Level {
    /// First number of free pages inside.
    pub(crate) lo: u32,
    /// First number of free pages above.
    pub(crate) hi: u32,
}

impl Level {
    /// Holds no number of pages, so that anything leaves it.
    pub(crate) const NONE: Level = Level { lo: 0, hi: 0 };

    /// Whether `free` pages are inside.
    #[inline]
    pub(crate) const fn contains(&self, free: u32) -> bool {
        self.lo <= free && free < self.hi
    }
}

/// What follows from how full and how tainted a block is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rank {
    pub(crate) bucket: Bucket,
    /// Where this holds.
    pub(crate) level: Level,
    /// Free pages that movable requests are to leave.
    pub(crate) withheld: u32,
}

/// What fullness is derived from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Facts {
    /// All pages of an aligned gigabyte are present.
    pub(crate) complete: bool,
    /// CMA pageblocks were seen; sticky.
    pub(crate) has_cma: bool,
    /// Pages present.
    pub(crate) present: u32,
    /// Pages that boot has reserved for good.
    pub(crate) reserved: u32,
    /// Pages free.
    pub(crate) free: u32,
    /// Pageblocks with non-movable type or content.
    pub(crate) dirty: u32,
}

impl Facts {
    /// Whether anything in the block cannot move.
    #[inline]
    pub(crate) const fn tainted(&self) -> bool {
        self.dirty != 0 || self.reserved != 0
    }

    /// The category that follows.
    #[inline]
    pub(crate) const fn category(&self) -> Category {
        let lost = !self.complete || self.reserved != 0;
        match (self.has_cma, lost, self.tainted()) {
            (true, _, _) => Category::Cma,
            (false, true, false) => Category::LostClean,
            (false, true, true) => Category::LostTainted,
            (false, false, false) => Category::Clean,
            (false, false, true) => Category::Tainted,
        }
    }
}

/// Rank of a block without non-movable content, or with CMA.
///
/// The level reaches one pageblock past each edge of the bucket. Only becoming
/// empty is exact: an empty block is a gigabyte page for the taking.
#[inline]
const fn by_free_pages(facts: &Facts, geometry: &Geometry) -> Rank {
    if facts.free >= facts.present {
        let level = Level {
            lo: facts.present,
            hi: u32::MAX,
        };
        return Rank {
            bucket: Bucket::EMPTY,
            level,
            withheld: 0,
        };
    }
    let shift = geometry.block_order.wrapping_sub(4) & 31;
    let step = facts.free >> shift;
    let bucket = if step > 14 { 14 } else { step };
    let slack = geometry.pageblock_pages();
    let top = if bucket == 14 {
        facts.present
    } else {
        (bucket.wrapping_add(1) << shift).wrapping_add(slack)
    };
    let level = Level {
        lo: (bucket << shift).saturating_sub(slack),
        hi: if top > facts.present {
            facts.present
        } else {
            top
        },
    };
    Rank {
        bucket: Bucket(bucket as u8),
        level,
        withheld: 0,
    }
}

/// Rank of a block with non-movable content.
///
/// One that is below its reserve stays so for two pageblocks more: for a moment, all
/// of the largest free page is off the lists while a part of it is taken.
#[inline]
const fn by_density(facts: &Facts, geometry: &Geometry, reserve: u32, was_low: bool) -> Rank {
    let log2 = geometry
        .block_order
        .saturating_sub(geometry.pageblock_order.index() as u32);
    let eighths =
        facts.dirty.wrapping_shl(3u32.saturating_sub(log2)) >> (log2.saturating_sub(3) & 31);
    let dense = if eighths > 7 { 7 } else { eighths };
    let rank = 7u32.wrapping_sub(dense) as u8;
    let enough = reserve.saturating_add(geometry.pageblock_pages().saturating_mul(2));
    if facts.free < reserve || (was_low && facts.free < enough) {
        let kept = reserve::kept(geometry, facts.free, reserve);
        let level = Level {
            lo: kept.lo,
            hi: if kept.hi < enough { kept.hi } else { enough },
        };
        return Rank {
            bucket: Bucket(rank | Bucket::BELOW_RESERVE),
            level,
            withheld: kept.pages,
        };
    }
    let level = Level {
        lo: reserve,
        hi: u32::MAX,
    };
    Rank {
        bucket: Bucket(rank),
        level,
        withheld: reserve,
    }
}

/// Rank of a block that needs `reserve` free pages if tainted, and had less if `was_low`.
#[inline]
pub(crate) const fn rank(facts: &Facts, geometry: &Geometry, reserve: u32, was_low: bool) -> Rank {
    if facts.category().is_tainted() {
        by_density(facts, geometry, reserve, was_low)
    } else {
        by_free_pages(facts, geometry)
    }
}

#[cfg(any(test, CONFIG_SUPERPAGEBLOCK_KUNIT_TEST))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(superpageblock_fullness))]
mod tests {
    use super::super::units::Order;
    use super::*;

    const X86: Geometry = Geometry {
        pageblock_order: Order::new(9),
        block_order: 18,
    };
    const GB: u32 = 1 << 18;
    const FREE: Facts = Facts {
        complete: true,
        has_cma: false,
        present: GB,
        reserved: 0,
        free: GB,
        dirty: 0,
    };

    #[test]
    fn category_follows_content_and_edges() {
        assert_eq!(FREE.category(), Category::Clean);
        assert_eq!(Facts { dirty: 1, ..FREE }.category(), Category::Tainted);
        let partial = Facts {
            complete: false,
            ..FREE
        };
        assert_eq!(partial.category(), Category::LostClean);
        assert_eq!(
            Facts {
                dirty: 1,
                ..partial
            }
            .category(),
            Category::LostTainted
        );
        assert_eq!(
            Facts {
                reserved: 1,
                ..FREE
            }
            .category(),
            Category::LostTainted
        );
        assert_eq!(
            Facts {
                has_cma: true,
                dirty: 1,
                ..FREE
            }
            .category(),
            Category::Cma
        );
    }

    #[test]
    fn only_a_wholly_free_block_is_empty() {
        let empty = rank(&FREE, &X86, 0, false);
        assert_eq!(empty.bucket, Bucket::EMPTY);
        assert!(!empty.level.contains(GB - 1));
        let used = Facts {
            free: GB - 1,
            ..FREE
        };
        let used = rank(&used, &X86, 0, false);
        assert_eq!(used.bucket, Bucket(14));
        assert!(!used.level.contains(GB));
    }

    #[test]
    fn a_level_contains_its_pages_and_a_pageblock_beyond() {
        const STEP: u32 = GB / 16;
        const EDGE: u32 = 4 * STEP;
        let Rank { bucket, level, .. } = rank(&Facts { free: EDGE, ..FREE }, &X86, 0, false);
        assert_eq!(bucket, Bucket(4));
        assert!(level.contains(EDGE));
        assert!(level.contains(EDGE - 512));
        assert!(!level.contains(EDGE - 513));
        assert!(level.contains(EDGE + STEP + 511));
        assert!(!level.contains(EDGE + STEP + 512));
    }

    #[test]
    fn dense_blocks_rank_before_sparse_ones() {
        let dense = Facts { dirty: 512, ..FREE };
        let sparse = Facts { dirty: 1, ..FREE };
        assert_eq!(rank(&dense, &X86, 0, false).bucket, Bucket(0));
        assert_eq!(rank(&sparse, &X86, 0, false).bucket, Bucket(7));
    }

    #[test]
    fn a_tainted_block_below_its_reserve_is_marked() {
        const RESERVE: u32 = 15 * 512;
        let low = Facts {
            dirty: 1,
            free: RESERVE - 1,
            ..FREE
        };
        let enough = Facts {
            free: RESERVE,
            ..low
        };
        let above = rank(&enough, &X86, RESERVE, false);
        assert_eq!((above.bucket, above.withheld), (Bucket(7), RESERVE));
        assert!(!above.level.contains(RESERVE - 1));
        let below = rank(&low, &X86, RESERVE, false);
        assert_eq!(below.bucket, Bucket(15));
        let half = Facts {
            free: RESERVE / 2,
            ..low
        };
        let half = rank(&half, &X86, RESERVE, true);
        assert!(half.withheld < RESERVE && half.withheld > RESERVE / 4);
        // What was below it has to get two pageblocks more.
        let plenty = Facts {
            free: RESERVE + 1024,
            ..low
        };
        let almost = Facts {
            free: RESERVE + 1023,
            ..low
        };
        assert_eq!(rank(&enough, &X86, RESERVE, true).bucket, Bucket(15));
        let almost = rank(&almost, &X86, RESERVE, true);
        assert_eq!(almost.bucket, Bucket(15));
        assert!(!almost.level.contains(plenty.free));
        assert_eq!(rank(&plenty, &X86, RESERVE, true).bucket, Bucket(7));
    }
}
