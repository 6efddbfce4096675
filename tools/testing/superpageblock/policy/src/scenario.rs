// SPDX-License-Identifier: GPL-2.0-only

//! Which zones are tried, and what happens in them besides requests?

use crate::block::is_dirty_type;
use crate::block::is_mergeable;
use crate::block::Block;
use crate::block::CMA;
use crate::block::HIGHATOMIC;
use crate::block::ISOLATE;
use crate::block::MOVABLE;
use crate::hooks::Calls;
use crate::hooks::Zone;
use crate::policy::units::BlockId;
use crate::policy::units::Geometry;
use crate::policy::units::Order;
use crate::policy::units::Type;
use crate::policy::wire;
use crate::policy::zone;
use crate::policy::zone::Totals;
use crate::rmqueue::Page;

/// Sizes of everything.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    /// Highest order of a free page.
    pub(crate) max_order: u32,
    pub(crate) geometry: Geometry,
}

const fn sizes(max_order: u32, pageblock_order: u32, block_order: u32) -> Sizes {
    Sizes {
        max_order,
        geometry: Geometry {
            pageblock_order: Order::new(pageblock_order),
            block_order,
        },
    }
}

/// x86-64 and arm64 with 4 KB pages.
pub(crate) const REAL: Sizes = sizes(10, 9, 18);
/// 64 pageblocks of 32 pages: what takes gigabytes there takes moments here.
pub(crate) const SMALL: Sizes = sizes(6, 5, 11);
/// 16 pageblocks of 8 pages: most blocks are remnants most of the time.
pub(crate) const TINY: Sizes = sizes(4, 3, 7);

/// What a block is like when its zone is attached.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Complete,
    /// The zone has only these pages of it.
    Partial(u32, u32),
    /// Boot has reserved this page.
    Reserved(u32),
    /// CMA has the pageblocks from this one on, this many.
    Cma(u32, u32),
}

impl Zone {
    /// An attached zone in which all is free that can be.
    pub(crate) fn new(sizes: Sizes, kinds: &[Kind]) -> Zone {
        let Sizes {
            max_order,
            geometry,
        } = sizes;
        let mut zone = Zone {
            geometry,
            max_order,
            blocks: Vec::new(),
            known: vec![zone::Block::NEW; kinds.len()],
            totals: Box::new(Totals::new(geometry)),
            calls: Calls::default(),
        };
        for kind in kinds {
            let mut present = 0..1 << geometry.block_order;
            if let Kind::Partial(start, end) = *kind {
                present = start..end;
            }
            zone.blocks.push(Block::new(&geometry, present));
            zone.attach(zone.blocks.len() - 1, kind);
        }
        zone.calls = Calls::default();
        zone
    }

    /// `spb_attach_block()`.
    fn attach(&mut self, b: usize, kind: &Kind) {
        let block = &mut self.blocks[b];
        match *kind {
            Kind::Reserved(page) => {
                let size = self.geometry.pageblock_pages();
                block.nr_reserved = 1;
                block.pageblocks[(page / size) as usize].reserved = 1;
            }
            Kind::Cma(first, nr) => {
                for pb in first..first + nr {
                    block.pageblocks[pb as usize].ty = CMA;
                }
            }
            Kind::Complete | Kind::Partial(..) => {}
        }
        let (present, reserved, complete) = (block.nr_present(), block.nr_reserved, block.complete);
        let id = BlockId(b as u16);
        let level = self.policy().set_block(id, present, reserved, complete);
        self.set_level(b, wire::level(level));
        let step = 1u32 << self.max_order;
        for start in (0..1 << self.geometry.block_order).step_by(step as usize) {
            self.attach_range(b, kind, start, start + step);
        }
    }

    /// `spb_attach_range()`.
    fn attach_range(&mut self, b: usize, kind: &Kind, mut page: u32, end: u32) {
        let present = self.blocks[b].present.clone();
        while page < end {
            if matches!(*kind, Kind::Reserved(r) if r == page) {
                self.mark_dirty(b, page, 0);
            } else if present.contains(&page) {
                let order = self.fitting_order(b, kind, page, end.min(present.end));
                self.add(b, page, order, self.type_of(b, page));
                page += (1 << order) - 1;
            }
            page += 1;
        }
        self.classify(b);
    }

    /// Order of the free page that starts at `page` when all is free.
    fn fitting_order(&self, b: usize, kind: &Kind, page: u32, end: u32) -> u32 {
        let fits = |order: &u32| {
            let last = page + (1 << order) - 1;
            let inside = page & ((1 << order) - 1) == 0 && last < end;
            let reserved = matches!(*kind, Kind::Reserved(r) if (page..=last).contains(&r));
            let same = |pb: usize| self.blocks[b].pageblocks[pb].ty == self.type_of(b, page);
            inside && !reserved && self.pageblocks_of(page, *order).all(same)
        };
        (0..=self.max_order).rev().find(fits).unwrap_or(0)
    }

    /// Isolate a pageblock, or end that, as contiguous allocation does.
    pub(crate) fn toggle_isolation(&mut self, b: usize, pb: usize) {
        let start = pb as u32 * self.geometry.pageblock_pages();
        let Some(range) = self.whole_pageblock(b, start) else {
            return;
        };
        if self.straddled(b, start) {
            return;
        }
        let ty = self.blocks[b].pageblocks[pb].ty;
        let pageblock = &mut self.blocks[b].pageblocks[pb];
        pageblock.isolated = !pageblock.isolated;
        pageblock.odd = true;
        if pageblock.isolated {
            self.move_freepages(b, range, ty, ISOLATE);
        } else {
            self.move_freepages(b, range, ISOLATE, ty);
        }
    }

    /// `__isolate_free_page()`: compaction takes half a pageblock as target,
    /// which retypes the pageblock whatever else is in it.
    pub(crate) fn isolate_free_page(&mut self, b: usize, mt: usize) -> Option<Page> {
        let order = self.pageblock_order() - 1;
        let page = self.rmqueue_smallest(b, order, mt)?;
        if is_mergeable(mt) {
            self.retype(b, page, mt, MOVABLE);
        }
        Some(Page {
            block: b,
            page,
            order,
            ty: Type::Movable,
        })
    }

    /// `reserve_highatomic_pageblock()` after `page` was allocated.
    pub(crate) fn reserve_highatomic(&mut self, page: Page) {
        let mt = self.type_of(page.block, page.page);
        if !is_mergeable(mt) || !is_dirty_type(page.ty as usize) {
            return;
        }
        if page.order < self.pageblock_order() {
            self.retype(page.block, page.page, mt, HIGHATOMIC);
        } else {
            self.set_type(page.block, page.page, page.order, HIGHATOMIC);
        }
    }

    /// `unreserve_highatomic_pageblock()` for a request of type `mt`.
    pub(crate) fn unreserve_highatomic(&mut self, b: usize, mt: usize) {
        let Some(order) = self.blocks[b].highest(HIGHATOMIC) else {
            return;
        };
        let list = &self.blocks[b].free_list[order as usize][HIGHATOMIC];
        let Some(&page) = list.first() else {
            return;
        };
        for pb in self.pageblocks_of(page, order) {
            self.blocks[b].pageblocks[pb].odd = true;
        }
        if order < self.pageblock_order() {
            self.retype(b, page, HIGHATOMIC, mt);
            return;
        }
        self.del(b, page, order, HIGHATOMIC);
        self.add(b, page, order, mt);
        self.set_type(b, page, order, mt);
    }

    /// Free `page`, unless compaction captures it for a request of type `ty`,
    /// to which it then belongs.
    pub(crate) fn free_or_capture(&mut self, page: Page, ty: Type) -> Option<Page> {
        let mt = self.type_of(page.block, page.page);
        let whole = page.order >= self.pageblock_order();
        if is_dirty_type(page.ty as usize) {
            self.hold(page.block, page.page, page.order, false);
        }
        let allowed = mt != CMA
            && mt != ISOLATE
            && (whole || mt != MOVABLE || ty == Type::Movable)
            && self.capture(page.block, page.page, page.order, ty as usize);
        if !allowed {
            self.free_pages(page.block, page.page, page.order);
            return None;
        }
        if is_dirty_type(ty as usize) {
            self.hold(page.block, page.page, page.order, true);
        }
        Some(Page { ty, ..page })
    }
}
