// SPDX-License-Identifier: GPL-2.0-only

//! Where does this request get its page? One table for each kind of request.
//!
//! The first step whose gate is open and that has a block is the plan. The last
//! steps together reach every list that the allocator would have used without
//! superpageblocks: a plan fails only where that would have failed too.

use super::fullness::Category;
use super::index::Search;
use super::request::Flags;
use super::request::Request;
use super::units::BlockId;
use super::units::Order;
use super::units::Type;
use super::zone::Zone;

use self::Category::Clean;
use self::Category::Cma as CmaBlocks;
use self::Category::LostClean;
use self::Category::LostTainted;
use self::Category::Remnant;
use self::Category::Tainted;
use self::Type::HighAtomic;
use self::Type::Movable;
use self::Type::Reclaimable;
use self::Type::Unmovable;

/// What to do with the chosen block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Action {
    /// Take a page off a list. Its pageblock keeps its type.
    Take = 1,
    /// Change the type of a wholly free pageblock and take from it.
    ClaimWhole = 2,
    /// Change the type of the pageblock with the largest free page, whatever
    /// else is in it, and take from it.
    ClaimPart = 3,
}

/// The answer to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Plan {
    pub(crate) action: Action,
    /// Type of the list to take from.
    pub(crate) from: Type,
    /// Order of the free page that the plan counts on, at least.
    pub(crate) order: Order,
    pub(crate) block: BlockId,
}

/// When a step applies: all of `need` and none of `never` are set.
#[derive(Clone, Copy)]
struct Gate {
    need: u32,
    never: u32,
}

impl Gate {
    #[inline]
    const fn open(self, flags: Flags) -> bool {
        flags.0 & self.need == self.need && flags.0 & self.never == 0
    }
}

const ALWAYS: Gate = Gate { need: 0, never: 0 };
/// Puts pages of one type into a pageblock of another.
const MIX: Gate = Gate {
    need: 0,
    never: Flags::NOFRAGMENT,
};
/// Taints a clean block, or uses what is reserved: the second pass.
const SECOND: Gate = Gate {
    need: 0,
    never: Flags::FIRST_PASS,
};
const SECOND_MIX: Gate = Gate {
    need: 0,
    never: Flags::FIRST_PASS | Flags::NOFRAGMENT,
};
/// Pages that are moved out of a block go where no gigabyte is to be had.
const EMPTYING: Gate = Gate {
    need: Flags::EMPTYING,
    never: 0,
};
const UNLESS_SPARED: Gate = Gate {
    need: 0,
    never: Flags::SPARE_CLEAN,
};
/// Of no use to a page that has to get out of a tainted block.
const STAY: Gate = Gate {
    need: 0,
    never: Flags::TARGET,
};
const STAY_MIX: Gate = Gate {
    need: 0,
    never: Flags::TARGET | Flags::NOFRAGMENT,
};
const STAY_UNLESS_SPARED: Gate = Gate {
    need: 0,
    never: Flags::SPARE_CLEAN | Flags::TARGET,
};
const CMA: Gate = Gate {
    need: Flags::CMA_OK,
    never: 0,
};
const CMA_FIRST: Gate = Gate {
    need: Flags::CMA_OK | Flags::CMA_FIRST,
    never: 0,
};

/// Fullest first, empty ones last.
const FULLEST: Search = Search::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
/// Fullest first, none that is empty. With the emptiest, a replay of real programs had fewer
/// blocks empty and more pages moved; Documentation/mm/superpageblock.rst, "Other rules".
const FULLEST_USED: Search = Search::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
/// Emptiest first: room for the kernel memory that follows. With the fullest, more pages had
/// to be moved to make room (there).
const EMPTIEST: Search = Search::new([15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
/// Empty only.
const EMPTY: Search = Search::new([15]);
/// Most non-movable content first, with or without reserve: accidental taints
/// drain instead of being cemented.
const DENSEST: Search = Search::new([0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15]);
/// Least non-movable content first, above the reserve.
const SPARSEST_SPARING: Search = Search::new([7, 6, 5, 4, 3, 2, 1, 0]);
/// Least non-movable content first, reserve or not.
const SPARSEST: Search = Search::new([7, 15, 6, 14, 5, 13, 4, 12, 3, 11, 2, 10, 1, 9, 0, 8]);

/// One row of a table.
#[derive(Clone, Copy)]
struct Step {
    action: Action,
    from: Type,
    category: Category,
    search: Search,
    gate: Gate,
}

const fn take(from: Type, category: Category, search: Search, gate: Gate) -> Step {
    Step {
        action: Action::Take,
        from,
        category,
        search,
        gate,
    }
}

const fn claim_whole(category: Category, search: Search, gate: Gate) -> Step {
    Step {
        action: Action::ClaimWhole,
        from: Type::Movable,
        category,
        search,
        gate,
    }
}

const fn claim_part(category: Category, search: Search, gate: Gate) -> Step {
    Step {
        action: Action::ClaimPart,
        from: Type::Movable,
        category,
        search,
        gate,
    }
}

/// Movable requests fill the fullest clean block, so that others stay empty.
const MOVABLE: &[Step] = &[
    take(Type::Cma, CmaBlocks, FULLEST, CMA_FIRST),
    take(Movable, LostClean, FULLEST, ALWAYS),
    take(Movable, CmaBlocks, FULLEST, ALWAYS),
    take(Movable, Tainted, SPARSEST_SPARING, EMPTYING),
    take(Movable, LostTainted, SPARSEST_SPARING, EMPTYING),
    take(Movable, Clean, FULLEST_USED, UNLESS_SPARED),
    take(Type::Cma, CmaBlocks, FULLEST, CMA),
    take(Movable, Clean, EMPTY, UNLESS_SPARED),
    // Then tainted blocks, down to what they keep for kernel memory.
    take(Movable, Tainted, SPARSEST_SPARING, STAY),
    take(Movable, LostTainted, SPARSEST_SPARING, STAY),
    take(Reclaimable, Tainted, SPARSEST_SPARING, STAY_MIX),
    take(Reclaimable, LostTainted, SPARSEST_SPARING, STAY_MIX),
    take(Unmovable, Tainted, SPARSEST_SPARING, STAY_MIX),
    take(Unmovable, LostTainted, SPARSEST_SPARING, STAY_MIX),
    // Then that too.
    take(Movable, Tainted, SPARSEST, SECOND),
    take(Movable, LostTainted, SPARSEST, SECOND),
    take(Reclaimable, Tainted, SPARSEST, SECOND_MIX),
    take(Reclaimable, LostTainted, SPARSEST, SECOND_MIX),
    take(Reclaimable, CmaBlocks, FULLEST, SECOND_MIX),
    take(Unmovable, Tainted, SPARSEST, SECOND_MIX),
    take(Unmovable, LostTainted, SPARSEST, SECOND_MIX),
    take(Unmovable, CmaBlocks, FULLEST, SECOND_MIX),
    take(Movable, Remnant, FULLEST, STAY_UNLESS_SPARED),
    take(Type::Cma, Remnant, FULLEST, CMA),
    take(Reclaimable, Remnant, FULLEST, SECOND_MIX),
    take(Unmovable, Remnant, FULLEST, SECOND_MIX),
];

/// Kernel memory goes where kernel memory is, densest block first. `own` and
/// `other` share pageblocks by borrowing only: relabelling a pageblock that is
/// in use would mix them for good.
const fn kernel(own: Type, other: Type) -> [Step; 22] {
    [
        take(own, LostTainted, DENSEST, ALWAYS),
        take(own, CmaBlocks, FULLEST, ALWAYS),
        take(own, Tainted, DENSEST, ALWAYS),
        take(own, Remnant, FULLEST, ALWAYS),
        // A wholly free pageblock. Tainting what can never be a gigabyte page
        // costs nothing.
        claim_whole(LostTainted, DENSEST, ALWAYS),
        claim_whole(CmaBlocks, FULLEST, ALWAYS),
        claim_whole(LostClean, FULLEST, ALWAYS),
        claim_whole(Tainted, DENSEST, ALWAYS),
        // A pageblock in use, if enough of it is free to look through it.
        claim_part(LostTainted, DENSEST, MIX),
        claim_part(LostClean, FULLEST, MIX),
        claim_part(Tainted, DENSEST, MIX),
        // Borrow single pages.
        take(other, LostTainted, DENSEST, MIX),
        take(other, CmaBlocks, FULLEST, MIX),
        take(other, Tainted, DENSEST, MIX),
        take(Movable, LostTainted, DENSEST, MIX),
        take(Movable, CmaBlocks, FULLEST, MIX),
        take(Movable, LostClean, FULLEST, MIX),
        take(Movable, Tainted, DENSEST, MIX),
        // Not yet: the first pass ends here. Then a clean block is lost.
        claim_whole(Clean, EMPTIEST, SECOND),
        claim_part(Clean, EMPTIEST, SECOND_MIX),
        take(other, Remnant, FULLEST, SECOND_MIX),
        take(Movable, Remnant, FULLEST, SECOND_MIX),
    ]
}

const UNMOVABLE: &[Step] = &kernel(Unmovable, Reclaimable);
const RECLAIMABLE: &[Step] = &kernel(Reclaimable, Unmovable);

/// The reserve for high-order atomic requests is wherever it was set aside.
const HIGHATOMIC: &[Step] = &[
    take(HighAtomic, LostTainted, DENSEST, ALWAYS),
    take(HighAtomic, CmaBlocks, FULLEST, ALWAYS),
    take(HighAtomic, Tainted, DENSEST, ALWAYS),
    take(HighAtomic, Remnant, FULLEST, ALWAYS),
];

/// Asked for by nobody today; kept apart from all others in any case.
const CMA_ONLY: &[Step] = &[
    take(Type::Cma, CmaBlocks, FULLEST, ALWAYS),
    take(Type::Cma, Remnant, FULLEST, ALWAYS),
];

#[inline]
const fn table(ty: Type) -> &'static [Step] {
    match ty {
        Type::Movable => MOVABLE,
        Type::Unmovable => UNMOVABLE,
        Type::Reclaimable => RECLAIMABLE,
        Type::HighAtomic => HIGHATOMIC,
        Type::Cma => CMA_ONLY,
    }
}

impl Step {
    /// Order that must be free for this step.
    #[inline]
    fn order(&self, request: &Request) -> Order {
        match (self.action, self.category) {
            (Action::ClaimWhole, _) => request.claim_order,
            (Action::ClaimPart, Clean) | (Action::Take, _) => request.order,
            (Action::ClaimPart, _) => request.part_order,
        }
    }
}

impl Zone<'_> {
    /// Where `request` is to be served, `None` if nowhere under its flags.
    ///
    /// The caller holds zone->lock. Time depends on the length of the table and
    /// the number of buckets, not on the number of blocks.
    pub(crate) fn plan(&self, request: &Request) -> Option<Plan> {
        for step in table(request.ty) {
            if !step.gate.open(request.flags) {
                continue;
            }
            let order = step.order(request);
            let index = &self.totals.index;
            if let Some(block) = index.pick(step.category, step.from, order, step.search) {
                return Some(Plan {
                    action: step.action,
                    from: step.from,
                    order,
                    block,
                });
            }
        }
        None
    }
}

#[cfg(any(test, CONFIG_SUPERPAGEBLOCK_KUNIT_TEST))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(superpageblock_plan))]
mod tests {
    use super::super::testing::TestResult;
    use super::super::testing::TestZone;
    use super::super::testing::GB;
    use super::*;

    const FIRST: u32 = Flags::FIRST_PASS;
    const SECOND: u32 = 0;

    /// A complete block with `free` pages, all movable, and `dirty` pageblocks.
    fn add(zone: &mut Zone<'_>, id: u16, free: u32, dirty: u32) {
        zone.set_block(BlockId(id), GB, 0, true);
        zone.classify(BlockId(id), free, dirty);
        zone.advertise(BlockId(id), Movable, 1 << 10, free);
    }

    fn plan(zone: &Zone<'_>, order: u32, ty: Type, flags: u32) -> Option<(Action, Type, u16)> {
        let request = Request::new(Order::new(order), ty, Flags(flags), &zone.geometry());
        let plan = zone.plan(&request)?;
        Some((plan.action, plan.from, plan.block.0))
    }

    #[test]
    fn movable_fills_used_blocks_before_empty_ones() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        add(&mut zone, 0, GB, 0);
        assert_eq!(
            plan(&zone, 0, Movable, FIRST),
            Some((Action::Take, Movable, 0))
        );
        add(&mut zone, 1, GB / 2, 0);
        add(&mut zone, 2, GB / 8, 0);
        add(&mut zone, 3, GB / 2, 1);
        assert_eq!(
            plan(&zone, 0, Movable, FIRST),
            Some((Action::Take, Movable, 2))
        );
        Ok(())
    }

    #[test]
    fn pages_from_tainted_blocks_do_not_go_to_tainted_blocks() -> TestResult {
        const TARGET: u32 = FIRST | Flags::NOFRAGMENT | Flags::TARGET;
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        add(&mut zone, 0, GB / 2, 1);
        add(&mut zone, 1, GB / 2, 0);
        assert_eq!(
            plan(&zone, 0, Movable, TARGET),
            Some((Action::Take, Movable, 1))
        );
        zone.classify(BlockId(1), GB / 2, 1);
        assert_eq!(plan(&zone, 0, Movable, TARGET), None);
        zone.advertise(BlockId(0), Movable, 1, 1);
        assert_eq!(plan(&zone, 0, Movable, TARGET), None);
        assert!(plan(&zone, 0, Movable, FIRST).is_some());
        Ok(())
    }

    #[test]
    fn kernel_memory_taints_only_in_the_second_pass() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        add(&mut zone, 0, GB / 8, 0);
        add(&mut zone, 1, GB / 2, 0);
        for ty in [Unmovable, Reclaimable] {
            assert_eq!(plan(&zone, 0, ty, FIRST), None);
            let lost = Some((Action::ClaimWhole, Movable, 1));
            assert_eq!(plan(&zone, 0, ty, SECOND), lost);
            assert_eq!(plan(&zone, 0, ty, FIRST | Flags::MUST), lost);
        }
        add(&mut zone, 2, GB / 8, 1);
        for flags in [FIRST, SECOND] {
            assert_eq!(
                plan(&zone, 0, Unmovable, flags),
                Some((Action::ClaimWhole, Movable, 2))
            );
        }
        Ok(())
    }

    #[test]
    fn own_pages_come_before_a_new_pageblock_and_other_types_after_it() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        add(&mut zone, 0, GB / 2, 1);
        zone.advertise(BlockId(0), Unmovable, 1 << 3, 100);
        assert_eq!(
            plan(&zone, 3, Unmovable, FIRST),
            Some((Action::Take, Unmovable, 0))
        );
        let claim = Some((Action::ClaimWhole, Movable, 0));
        assert_eq!(plan(&zone, 4, Unmovable, FIRST), claim);
        assert_eq!(plan(&zone, 3, Reclaimable, FIRST), claim);
        // No whole pageblock, then no movable page at all.
        zone.advertise(BlockId(0), Movable, 1 << 8, 256);
        assert_eq!(
            plan(&zone, 3, Reclaimable, FIRST),
            Some((Action::ClaimPart, Movable, 0))
        );
        zone.advertise(BlockId(0), Movable, 0, 0);
        assert_eq!(
            plan(&zone, 3, Reclaimable, FIRST),
            Some((Action::Take, Unmovable, 0))
        );
        let nofragment = FIRST | Flags::NOFRAGMENT;
        assert_eq!(plan(&zone, 3, Reclaimable, nofragment), None);
        Ok(())
    }

    #[test]
    fn a_pageblock_in_use_is_claimed_for_a_sixteenth_of_it() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        add(&mut zone, 0, GB / 2, 1);
        for (largest, action) in [(5, Action::ClaimPart), (4, Action::Take)] {
            zone.advertise(BlockId(0), Movable, 1 << largest, 100);
            assert_eq!(plan(&zone, 0, Unmovable, FIRST), Some((action, Movable, 0)));
        }
        // For lack of others, a clean block is tainted for any.
        zone.classify(BlockId(0), GB / 2, 0);
        let taint = Some((Action::ClaimPart, Movable, 0));
        assert_eq!(plan(&zone, 0, Unmovable, SECOND), taint);
        Ok(())
    }

    #[test]
    fn movable_spares_the_reserve_until_the_second_pass() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        add(&mut zone, 0, 1000, 1);
        assert_eq!(plan(&zone, 0, Movable, FIRST), None);
        let reserved = Some((Action::Take, Movable, 0));
        assert_eq!(plan(&zone, 0, Movable, SECOND), reserved);
        zone.classify(BlockId(0), GB / 2, 1);
        assert_eq!(plan(&zone, 0, Movable, FIRST), reserved);
        Ok(())
    }

    #[test]
    fn highatomic_and_cma_are_served_from_their_own_pages_only() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        add(&mut zone, 0, GB / 2, 1);
        assert_eq!(plan(&zone, 0, HighAtomic, SECOND), None);
        assert_eq!(plan(&zone, 0, Type::Cma, SECOND), None);
        zone.advertise(BlockId(0), HighAtomic, 1 << 4, 100);
        assert_eq!(
            plan(&zone, 4, HighAtomic, SECOND),
            Some((Action::Take, HighAtomic, 0))
        );
        assert_eq!(plan(&zone, 0, Type::Cma, SECOND), None);
        Ok(())
    }

    #[test]
    fn remnants_are_the_last_resort_of_all_types() -> TestResult {
        let mut store = TestZone::new()?;
        let mut zone = store.zone();
        zone.set_block(BlockId(0), GB, 0, true);
        zone.classify(BlockId(0), 3, 1);
        for from in [Movable, Unmovable, Reclaimable] {
            zone.advertise(BlockId(0), from, 1, 1);
            for ty in [Movable, Unmovable, Reclaimable] {
                assert_eq!(plan(&zone, 0, ty, SECOND), Some((Action::Take, from, 0)));
            }
            zone.advertise(BlockId(0), from, 0, 0);
        }
        Ok(())
    }
}
