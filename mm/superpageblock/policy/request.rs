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
    /// A target for a page that is moved out of a block that is being emptied.
    pub(crate) const EMPTYING: u32 = 0x40;
    /// Not from C: both of `EMPTYING` and `FIRST_PASS`. Clean blocks are left
    /// alone, for a page moved there may have to be moved again.
    pub(crate) const SPARE_CLEAN: u32 = 0x80;
    /// A target for a page that is moved out of a tainted block: no such block.
    pub(crate) const TARGET: u32 = 0x100;
    /// May wait for reclaim. This and what follows is known before a taint only.
    pub(crate) const WAITS: u32 = 0x200;
    /// May do I/O for it.
    pub(crate) const IO: u32 = 0x400;
    /// Entitled to a part of the reserves.
    pub(crate) const URGENT: u32 = 0x800;

    #[inline]
    const fn has(self, bits: u32) -> bool {
        self.0 & bits != 0
    }
}

/// What the caller of an allocation can tolerate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Intent {
    /// Failing or waiting would be worse than any fragmentation.
    MustNotBeRefused,
    /// Has something smaller in mind that will do: SLUB for large slabs, kvmalloc(),
    /// fragments of network buffers.
    CheapFallback,
    /// Cannot wait.
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
    /// | more than a page, might do I/O but does not wait, nor is it urgent | cheap fallback |
    /// | does not wait | atomic |
    /// | otherwise | may wait |
    ///
    /// That it would rather fail than try hard says nothing: some who say so
    /// (`__GFP_NORETRY`) have no other size to ask for.
    #[inline]
    pub(crate) const fn of(order: Order, flags: Flags) -> Intent {
        let best_effort = flags.has(Flags::IO) && !flags.has(Flags::WAITS | Flags::URGENT);
        if flags.has(Flags::MUST) {
            Intent::MustNotBeRefused
        } else if order.index() > 0 && best_effort {
            Intent::CheapFallback
        } else if flags.has(Flags::WAITS) {
            Intent::MayWait
        } else {
            Intent::Atomic
        }
    }
}

/// What is tried before a request for kernel memory taints a clean block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BeforeTaint {
    /// Have a pageblock of a tainted block emptied, and ask once more.
    pub(crate) make_room: bool,
    /// As long as room can be made, fail instead.
    pub(crate) refuse: bool,
}

impl BeforeTaint {
    /// What becomes a request of `order` with these facts.
    #[inline]
    pub(crate) const fn of(order: Order, flags: Flags) -> BeforeTaint {
        let intent = Intent::of(order, flags);
        BeforeTaint {
            make_room: matches!(intent, Intent::MayWait),
            refuse: matches!(intent, Intent::CheapFallback),
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
        if Flags(flags).has(Flags::MUST) {
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

    fn intent(order: u32, flags: u32) -> Intent {
        Intent::of(Order::new(order), Flags(flags))
    }

    #[test]
    fn who_may_use_reserves_is_not_refused() {
        for order in [0, 3] {
            assert_eq!(
                intent(order, Flags::MUST | Flags::IO),
                Intent::MustNotBeRefused
            );
        }
        assert_eq!(
            request(0, Flags::MUST | Flags::FIRST_PASS).flags,
            Flags(Flags::MUST)
        );
        let before = BeforeTaint::of(Order::new(3), Flags(Flags::MUST | Flags::WAITS));
        assert!(!before.make_room);
        let before = BeforeTaint::of(Order::new(3), Flags(Flags::MUST | Flags::IO));
        assert!(!before.refuse);
    }

    #[test]
    fn who_asks_for_more_than_a_page_and_not_hard_falls_back() {
        assert_eq!(intent(3, Flags::IO), Intent::CheapFallback);
        assert!(BeforeTaint::of(Order::new(3), Flags(Flags::IO)).refuse);
        assert_eq!(intent(0, Flags::IO), Intent::Atomic);
        // An interrupt handler, and one that only looks like it.
        assert_eq!(intent(3, Flags::URGENT), Intent::Atomic);
        assert_eq!(intent(3, Flags::URGENT | Flags::IO), Intent::Atomic);
        assert_eq!(intent(3, 0), Intent::Atomic);
    }

    #[test]
    fn only_who_waits_has_room_made() {
        for (flags, expected) in [
            (Flags::WAITS, Intent::MayWait),
            (Flags::WAITS | Flags::IO, Intent::MayWait),
            (Flags::IO, Intent::Atomic),
            (0, Intent::Atomic),
        ] {
            assert_eq!(intent(0, flags), expected);
            let before = BeforeTaint::of(Order::new(0), Flags(flags));
            assert_eq!(before.make_room, expected == Intent::MayWait);
            assert!(!before.refuse);
        }
        let large = BeforeTaint::of(Order::new(3), Flags(Flags::WAITS | Flags::IO));
        assert!(large.make_room && !large.refuse);
    }

    #[test]
    fn nofragment_does_not_hold_for_whole_pageblocks() {
        assert!(request(8, Flags::NOFRAGMENT).flags.0 != 0);
        assert_eq!(request(9, Flags::NOFRAGMENT).flags.0, 0);
        assert_eq!(request(3, 0).claim_order, Order::new(9));
        assert_eq!(request(10, 0).claim_order, Order::new(10));
    }
}
