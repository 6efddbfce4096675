// SPDX-License-Identifier: GPL-2.0-only

//! Results as the integers that cross into C.
//!
//! The layouts are those of include/linux/superpageblock.h.

use super::fullness::Level;
use super::plan::Plan;
use super::request::BeforeTaint;
use super::zone::Advert;

/// `SPB_PLAN_*`: action in bits 0 to 7, type in 8 to 15, order in 16 to 23,
/// block + 1 from 32 on.
#[inline]
pub(crate) const fn plan(plan: Option<Plan>) -> u64 {
    match plan {
        None => 0,
        Some(plan) => {
            let block = (plan.block.0 as u64).wrapping_add(1);
            let order = (plan.order.index() as u64) << 16;
            (block << 32) | order | ((plan.from as u64) << 8) | plan.action as u64
        }
    }
}

/// Low end in the low word, end in the high word.
#[inline]
pub(crate) const fn level(level: Level) -> u64 {
    ((level.hi as u64) << 32) | level.lo as u64
}

/// `SPB_LEVEL_LOW`: set beside the low end, which is less than a block has pages.
pub(crate) const LEVEL_LOW: u64 = 1 << 31;

/// Page count in the low word, order bit in the high word.
#[inline]
pub(crate) const fn advert(advert: Advert) -> u64 {
    ((advert.top as u64) << 32) | advert.promote as u64
}

/// `SPB_MAKE_ROOM`.
pub(crate) const MAKE_ROOM: u32 = 1;
/// `SPB_REFUSE`.
pub(crate) const REFUSE: u32 = 2;

/// A mask of both.
#[inline]
pub(crate) const fn before_taint(before: BeforeTaint) -> u32 {
    let room = if before.make_room { MAKE_ROOM } else { 0 };
    let refuse = if before.refuse { REFUSE } else { 0 };
    room | refuse
}

#[cfg(any(test, CONFIG_SUPERPAGEBLOCK_KUNIT_TEST))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(superpageblock_wire))]
mod tests {
    use super::super::plan::Action;
    use super::super::units::BlockId;
    use super::super::units::Order;
    use super::super::units::Type;
    use super::*;

    #[test]
    fn a_plan_is_never_zero() {
        let first = Plan {
            action: Action::Take,
            from: Type::Unmovable,
            order: Order::new(0),
            block: BlockId(0),
        };
        assert_eq!(plan(Some(first)), 1 << 32 | 1);
        assert_eq!(plan(None), 0);
    }

    #[test]
    fn what_is_tried_before_a_taint_is_a_mask() {
        for (make_room, refuse, mask) in [
            (false, false, 0),
            (true, false, MAKE_ROOM),
            (false, true, REFUSE),
            (true, true, MAKE_ROOM | REFUSE),
        ] {
            assert_eq!(before_taint(BeforeTaint { make_room, refuse }), mask);
        }
    }

    #[test]
    fn fields_do_not_overlap() {
        let last = Plan {
            action: Action::ClaimPart,
            from: Type::Cma,
            order: Order::new(15),
            block: BlockId(65533),
        };
        assert_eq!(plan(Some(last)), 65534 << 32 | 15 << 16 | 4 << 8 | 3);
        assert_eq!(level(Level { lo: 1, hi: 2 }), 2 << 32 | 1);
        let both = Advert {
            top: 0x400,
            promote: 64,
        };
        assert_eq!(advert(both), 0x400 << 32 | 64);
    }
}
