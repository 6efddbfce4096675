// SPDX-License-Identifier: GPL-2.0-only

//! What is asked for, and what can its caller tolerate?

use super::units::Geometry;
use super::units::Order;
use super::units::Type;

/// Facts about a request, a mask; the bits are those of `SPB_PLAN_*` in
/// include/linux/superpageblock.h.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Flags(pub(crate) u32);

impl Flags {
    /// The caller asks again without this bit: do not taint, spare the reserve.
    pub(crate) const FIRST_PASS: u32 = 0x01;
    /// Do not mix types within a pageblock (`ALLOC_NOFRAGMENT`).
    pub(crate) const NOFRAGMENT: u32 = 0x02;
    /// CMA pageblocks may be used.
    pub(crate) const CMA_OK: u32 = 0x04;
    /// Over half of the free memory is CMA.
    pub(crate) const CMA_FIRST: u32 = 0x08;
    /// Entitled to reserves, or an OOM victim.
    pub(crate) const MUST: u32 = 0x10;
    /// Cannot wait for reclaim.
    pub(crate) const NONBLOCK: u32 = 0x20;
    /// A target for a page that is moved out of a block that is being emptied.
    pub(crate) const EMPTYING: u32 = 0x40;
    /// Not from C: both of `EMPTYING` and `FIRST_PASS`. Clean blocks are left
    /// alone, for a page moved there may have to be moved again.
    pub(crate) const SPARE_CLEAN: u32 = 0x80;
    /// A target for a page that is moved out of a tainted block: no such block.
    pub(crate) const TARGET: u32 = 0x100;
}

/// What the caller of an allocation can tolerate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Intent {
    /// Failing or waiting would be worse than any fragmentation.
    MustNotBeRefused,
    /// Cannot wait, but other zones may be asked first.
    Atomic,
    /// May wait while room is made.
    MayWait,
}

impl Intent {
    /// The intent that the facts amount to; the first match wins.
    ///
    /// | fact | intent |
    /// |---|---|
    /// | reserves, OOM victim | must not be refused |
    /// | cannot wait | atomic |
    /// | otherwise | may wait |
    #[inline]
    pub(crate) const fn of(flags: Flags) -> Intent {
        if flags.0 & Flags::MUST != 0 {
            Intent::MustNotBeRefused
        } else if flags.0 & Flags::NONBLOCK != 0 {
            Intent::Atomic
        } else {
            Intent::MayWait
        }
    }
}

/// A request for one free page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    /// Size of the page.
    pub(crate) order: Order,
    /// Order to claim for it: at least a pageblock.
    pub(crate) claim_order: Order,
    /// Free page for which it is worth to look through all pages of a pageblock
    /// in use and claim it: a sixteenth of it, or the size of the page.
    pub(crate) part_order: Order,
    /// Type of the page.
    pub(crate) ty: Type,
    /// Restrictions that hold for this request.
    pub(crate) flags: Flags,
}

impl Request {
    /// A request as the allocator states it.
    #[inline]
    pub(crate) fn new(order: Order, ty: Type, flags: Flags, geometry: &Geometry) -> Request {
        let mut flags = flags.0 & !Flags::SPARE_CLEAN;
        if Intent::of(Flags(flags)) == Intent::MustNotBeRefused {
            flags &= !Flags::FIRST_PASS;
        }
        if order.index() >= geometry.pageblock_order.index() {
            // Whole pageblocks do not mix with anything.
            flags &= !Flags::NOFRAGMENT;
        }
        if flags & Flags::EMPTYING != 0 && flags & Flags::FIRST_PASS != 0 {
            flags |= Flags::SPARE_CLEAN;
        }
        Request {
            order,
            claim_order: order.max(geometry.pageblock_order),
            part_order: order.max(geometry.part_order()),
            ty,
            flags: Flags(flags),
        }
    }
}

#[cfg(any(test, CONFIG_SUPERPAGEBLOCK_KUNIT_TEST))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(superpageblock_request))]
mod tests {
    use super::*;

    const X86: Geometry = Geometry {
        pageblock_order: Order::new(9),
        block_order: 18,
    };

    fn request(order: u32, flags: u32) -> Request {
        Request::new(Order::new(order), Type::Unmovable, Flags(flags), &X86)
    }

    #[test]
    fn who_may_use_reserves_is_not_refused() {
        assert_eq!(
            Intent::of(Flags(Flags::MUST | Flags::NONBLOCK)),
            Intent::MustNotBeRefused
        );
        assert_eq!(
            request(0, Flags::MUST | Flags::FIRST_PASS).flags,
            Flags(Flags::MUST)
        );
    }

    #[test]
    fn who_cannot_wait_is_atomic_and_still_asks_twice() {
        assert_eq!(Intent::of(Flags(Flags::NONBLOCK)), Intent::Atomic);
        assert_eq!(Intent::of(Flags(0)), Intent::MayWait);
        let atomic = request(0, Flags::NONBLOCK | Flags::FIRST_PASS);
        assert!(atomic.flags.0 & Flags::FIRST_PASS != 0);
    }

    #[test]
    fn nofragment_does_not_hold_for_whole_pageblocks() {
        assert!(request(8, Flags::NOFRAGMENT).flags.0 != 0);
        assert_eq!(request(9, Flags::NOFRAGMENT).flags.0, 0);
        assert_eq!(request(3, 0).claim_order, Order::new(9));
        assert_eq!(request(10, 0).claim_order, Order::new(10));
    }
}
