// SPDX-License-Identifier: GPL-2.0-only

//! How is a plan carried out? mm/superpageblock/rmqueue.h.

use crate::block::is_dirty_type;
use crate::hooks::Zone;
use crate::policy::request::Flags;
use crate::policy::request::Request;
use crate::policy::units::Order;
use crate::policy::units::Type;
use crate::policy::wire;

/// A page that was allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) block: usize,
    pub(crate) page: u32,
    pub(crate) order: u32,
    /// Type of the request that it was given to.
    pub(crate) ty: Type,
}

/// A request as C states it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Want {
    pub(crate) order: u32,
    pub(crate) ty: Type,
    pub(crate) flags: u32,
}

/// A plan, decoded as the macros `SPB_PLAN_*` do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) action: u32,
    pub(crate) from: usize,
    pub(crate) block: usize,
}

pub(crate) const TAKE: u32 = 1;
pub(crate) const CLAIM_WHOLE: u32 = 2;
pub(crate) const CLAIM_PART: u32 = 3;

impl Zone {
    /// The hook `plan`.
    pub(crate) fn plan(&mut self, want: Want) -> Option<Decoded> {
        self.calls.plan += 1;
        let flags = Flags(want.flags);
        let request = Request::new(Order::new(want.order), want.ty, flags, &self.geometry);
        let plan = wire::plan(self.policy().plan(&request));
        (plan != 0).then(|| Decoded {
            action: plan as u32 & 0xff,
            from: (plan as u32 >> 8 & 0xff) as usize,
            block: (plan >> 32) as usize - 1,
        })
    }

    /// `spb_take()`.
    fn take(&mut self, b: usize, want: Want, from: usize) -> Option<u32> {
        let page = self.rmqueue_smallest(b, want.order, from)?;
        if from != want.ty as usize {
            self.set_content(b, page, want.order, want.ty as usize);
        }
        Some(page)
    }

    /// `spb_claim_whole()` with `claim_whole_pageblocks()`.
    fn claim_whole(&mut self, b: usize, want: Want, from: usize) -> Option<u32> {
        let claim = want.order.max(self.pageblock_order());
        let page = self.rmqueue_smallest(b, claim, from)?;
        self.set_type(b, page, claim, want.ty as usize);
        self.expand(b, page, want.order, claim, want.ty as usize);
        Some(page)
    }

    /// `spb_claim_part()` with `claim_pageblock()`.
    fn claim_part(&mut self, b: usize, want: Want, from: usize) -> Option<u32> {
        let highest = self.blocks[b].highest(from)?;
        if highest < want.order {
            return None;
        }
        if highest >= self.pageblock_order() {
            return self.claim_whole(b, want, from);
        }
        let page = *self.blocks[b].free_list[highest as usize][from].first()?;
        let Some(range) = self.whole_pageblock(b, page) else {
            return self.take(b, want, from);
        };
        let (start, mt) = (range.start, want.ty as usize);
        self.move_freepages(b, range, from, mt);
        self.set_type(b, start, 0, mt);
        self.rmqueue_smallest(b, want.order, mt)
    }

    /// `spb_rmqueue_planned()`: carry out a plan, `None` if it was stale.
    pub(crate) fn carry_out(&mut self, want: Want, plan: Decoded) -> Option<Page> {
        let b = plan.block;
        let page = match plan.action {
            TAKE => self.take(b, want, plan.from),
            CLAIM_WHOLE => self.claim_whole(b, want, plan.from),
            CLAIM_PART => self.claim_part(b, want, plan.from),
            _ => None,
        }?;
        if is_dirty_type(want.ty as usize) {
            self.hold(b, page, want.order, true);
        }
        Some(Page {
            block: b,
            page,
            order: want.order,
            ty: want.ty,
        })
    }

    /// Whether the lists have what a plan needs.
    pub(crate) fn serves(&self, b: usize, action: u32, from: usize, order: u32) -> bool {
        let needed = match action {
            CLAIM_WHOLE => order.max(self.pageblock_order()),
            _ => order,
        };
        self.blocks[b].highest(from) >= Some(needed)
    }

    /// The loop of `spb_rmqueue()` up to a plan that is not stale, and how many
    /// were. What is then carried out succeeds.
    pub(crate) fn settle(&mut self, want: Want) -> (Option<Decoded>, u32) {
        let mut stale = 0;
        while let Some(plan) = self.plan(want) {
            if self.serves(plan.block, plan.action, plan.from, want.order) {
                return (Some(plan), stale);
            }
            assert_eq!(self.carry_out(want, plan), None, "{plan:?}");
            stale += 1;
            assert!(stale < 100_000, "{want:?} never settles: {plan:?}");
            self.advertise(plan.block, plan.from);
        }
        (None, stale)
    }

    /// `spb_rmqueue()`.
    pub(crate) fn alloc(&mut self, want: Want) -> Option<Page> {
        let plan = self.settle(want).0?;
        let page = self.carry_out(want, plan);
        assert!(page.is_some(), "{want:?} {plan:?}");
        page
    }

    /// Free a page that [`Zone::alloc`] gave.
    pub(crate) fn free(&mut self, page: Page) {
        if is_dirty_type(page.ty as usize) {
            self.hold(page.block, page.page, page.order, false);
        }
        self.free_pages(page.block, page.page, page.order);
    }

    /// Note where non-movable pages really are.
    pub(crate) fn hold(&mut self, b: usize, page: u32, order: u32, here: bool) {
        let size = self.geometry.pageblock_pages().min(1 << order);
        for pb in self.pageblocks_of(page, order) {
            let held = &mut self.blocks[b].pageblocks[pb].held;
            *held = if here { *held + size } else { *held - size };
        }
    }
}
