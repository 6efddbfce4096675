// SPDX-License-Identifier: GPL-2.0-only

//! How is a zone brought into a state worth a test? Full, then freed by choice.

use crate::hooks::Zone;
use crate::policy::units::Type;
use crate::rmqueue::Page;
use crate::rmqueue::Want;
use crate::scenario::Kind;
use crate::scenario::REAL;

/// A zone, and the movable pages that fill it, one for each pageblock.
pub(crate) struct Machine {
    pub(crate) zone: Zone,
    pub(crate) filler: Vec<Page>,
}

impl Machine {
    /// Complete blocks of real size, without a free page.
    pub(crate) fn full(blocks: usize) -> Machine {
        let mut machine = Machine {
            zone: Zone::new(REAL, &vec![Kind::Complete; blocks]),
            filler: Vec::new(),
        };
        while let Some(page) = machine.ask(9, Type::Movable, 0) {
            machine.filler.push(page);
        }
        machine
    }

    /// A request that may be refused.
    pub(crate) fn ask(&mut self, order: u32, ty: Type, flags: u32) -> Option<Page> {
        self.zone.alloc(Want { order, ty, flags })
    }

    /// A request that must be served.
    pub(crate) fn get(&mut self, order: u32, ty: Type, flags: u32) -> Page {
        let page = self.ask(order, ty, flags);
        page.unwrap_or_else(|| panic!("no page of order {order} for {ty:?}"))
    }

    /// Take one of the pages that fill a block.
    pub(crate) fn filler_of(&mut self, block: usize) -> Page {
        let at = self.filler.iter().position(|page| page.block == block);
        match at {
            Some(at) => self.filler.swap_remove(at),
            None => panic!("block {block} has no movable pageblock"),
        }
    }

    /// Make pageblocks of a block free.
    pub(crate) fn free(&mut self, block: usize, pageblocks: u32) {
        for _ in 0..pageblocks {
            let page = self.filler_of(block);
            self.zone.free(page);
        }
    }

    /// Replace movable pageblocks of a block by kernel memory, while nothing
    /// else is free.
    pub(crate) fn taint(&mut self, block: usize, pageblocks: u32) -> Vec<Page> {
        self.free(block, pageblocks);
        let pages = (0..pageblocks).map(|_| self.get(9, Type::Unmovable, 0));
        let pages: Vec<Page> = pages.collect();
        assert!(pages.iter().all(|page| page.block == block));
        pages
    }

    /// Free every second page of an allocated page.
    pub(crate) fn punch(&mut self, page: Page) {
        for start in (0..1 << page.order).step_by(2) {
            self.zone.free(Page {
                page: page.page + start,
                order: 0,
                ..page
            });
        }
    }
}
