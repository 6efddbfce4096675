// SPDX-License-Identifier: GPL-2.0-only

//! How is room made for kernel memory? As mm/superpageblock/room.c does, with the policy's own ranks and limits, but
//! for every request, as if it might wait; and all that is movable moves.

use std::ops::Range;

use crate::policy::evacuate;
use crate::policy::evacuate::Contents;
use crate::policy::evacuate::Occupancy;
use crate::policy::evacuate::LIMITS;
use crate::policy::request::Flags;
use crate::policy::units::Type;
use crate::rmqueue::Want;
use crate::run::Replay;

const NS_PER_MS: u64 = 1_000_000;
/// For a page that is moved out of a tainted block.
const TARGET: u32 = Flags::FIRST_PASS | Flags::NOFRAGMENT | Flags::TARGET;

impl Replay {
    /// Moves pages out of a tainted block, unless that failed just now; whether it helped.
    pub(crate) fn make_room(&mut self, time: u64, want: Want) -> bool {
        if time < self.rests_until || want.order > self.zone.pageblock_order() {
            return false;
        }
        for _ in 0..LIMITS.tries {
            let Some(block) = self.block_to_empty() else {
                break;
            };
            let emptied = self
                .pageblock_to_empty(block)
                .is_some_and(|range| self.empty(block, range));
            if emptied {
                self.failures[block] = 0;
                return true;
            }
            self.failures[block] += 1;
        }
        self.rests_until = time + u64::from(LIMITS.request_rest_ms) * NS_PER_MS;
        self.failures.iter_mut().for_each(|failures| *failures /= 2);
        false
    }

    fn block_to_empty(&self) -> Option<usize> {
        let pageblock = self.zone.geometry.pageblock_pages();
        let keys = self.zone.blocks.iter().zip(&self.failures).enumerate();
        let keys = keys.filter(|(_, (block, _))| block.tainted());
        let keys = keys.filter_map(|(number, (block, failures))| {
            let held = Occupancy {
                in_use: block.nr_present() - block.nr_free,
                sparse: self.zone.geometry.pageblocks() - block.nr_dirty,
                pageblock,
                failures: *failures,
                lost: !block.complete,
            };
            evacuate::key(number as u32, &held)
        });
        keys.min().map(|key| key as u32 as usize)
    }

    fn pageblock_to_empty(&self, block: usize) -> Option<Range<u32>> {
        let size = self.zone.geometry.pageblock_pages();
        let ranges = (0..self.zone.geometry.pageblocks()).map(|pb| pb * size..(pb + 1) * size);
        let rank = |range: &Range<u32>| {
            let dirty = self.zone.blocks[block].pageblocks[(range.start / size) as usize].dirty;
            let held = self.held.within(block, range.clone());
            let pages = |movable: bool| {
                let pages = held
                    .iter()
                    .filter(|(_, page)| (page.ty == Type::Movable) == movable);
                pages.map(|(_, page)| 1u32 << page.order).sum::<u32>()
            };
            let contents = Contents {
                movable: pages(true),
                others: pages(false).max(u32::from(dirty)),
                pageblock: size,
            };
            evacuate::pageblock_key(&contents)
        };
        ranges
            .filter_map(|range| Some((rank(&range)?, range)))
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, range)| range)
    }

    /// Moves what can move out of a range; whether all of that found a place.
    fn empty(&mut self, block: usize, range: Range<u32>) -> bool {
        for (pfn, page) in self.held.within(block, range) {
            if page.ty != Type::Movable {
                continue;
            }
            let want = Want {
                order: page.order,
                ty: Type::Movable,
                flags: TARGET,
            };
            let Some(target) = self.zone.alloc(want) else {
                return false;
            };
            self.held.remove(pfn);
            self.zone.free(page);
            self.held.put(pfn, target);
            self.counts.moved += 1 << page.order;
        }
        true
    }
}
