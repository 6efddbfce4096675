// SPDX-License-Identifier: GPL-2.0-only

//! How is room made for kernel memory? As mm/superpageblock/room.c does, with the policy's own ranks and limits, but
//! all that is movable moves.

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

/// How it went so far.
#[derive(Default)]
pub(crate) struct Room {
    /// Requests rest until then, in nanoseconds since boot.
    rests_until: u64,
    /// Failures count half from then on.
    forgive_at: u64,
    /// Attempts in each block that failed.
    failures: Vec<u32>,
    /// Where the last attempt was made.
    last: Option<usize>,
}

impl Room {
    /// None was made yet in so many blocks.
    pub(crate) fn new(blocks: usize) -> Self {
        Self {
            failures: vec![0; blocks],
            ..Self::default()
        }
    }

    /// Whether requests rest, since making room failed.
    pub(crate) fn rests(&self, time: u64) -> bool {
        time < self.rests_until
    }

    fn rest(&mut self, time: u64) {
        self.rests_until = time + u64::from(LIMITS.request_rest_ms) * NS_PER_MS;
    }

    /// As the worker does when it begins a pass; here there is none, and requests do.
    fn forgive(&mut self, time: u64) {
        if time >= self.forgive_at {
            self.forgive_at = time + u64::from(LIMITS.worker_rest_ms) * NS_PER_MS;
            self.failures.iter_mut().for_each(|failures| *failures /= 2);
        }
    }
}

/// What an attempt to empty a pageblock came to, in pages.
#[derive(Default)]
struct Emptied {
    moved: u32,
    /// Those that could have moved.
    left: u32,
    /// There was no memory to move pages to.
    gave_up: bool,
}

impl Emptied {
    /// Whether it was worth while.
    fn paid(&self) -> bool {
        self.moved > self.left
    }
}

impl Replay {
    /// Moves pages out of a tainted block, unless requests rest; whether there is room now.
    pub(crate) fn make_room(&mut self, time: u64, order: u32) -> bool {
        if self.room.rests(time) || order > self.zone.pageblock_order() {
            return false;
        }
        self.room.forgive(time);
        for _ in 0..LIMITS.tries {
            let result = self.empty_next();
            if result.paid() && result.moved >= 1 << order {
                return true;
            }
            if result.paid() || result.gave_up {
                break;
            }
        }
        self.room.rest(time);
        false
    }

    /// Empties a pageblock, in the block of the last one if it can.
    fn empty_next(&mut self) -> Emptied {
        let again = |block: &usize| self.room.failures[*block] == 0 && self.key(*block).is_some();
        let again = self.room.last.filter(again);
        let Some(block) = again.or_else(|| self.block_to_empty()) else {
            return Emptied::default();
        };
        self.room.last = Some(block);
        let Some(range) = self.pageblock_to_empty(block) else {
            self.room.failures[block] += 1;
            return Emptied::default();
        };
        let result = self.empty(block, range);
        match (result.paid(), result.gave_up) {
            (true, _) => self.room.failures[block] = 0,
            (false, false) => self.room.failures[block] += 1,
            // Not the block's fault.
            (false, true) => {}
        }
        result
    }

    fn block_to_empty(&self) -> Option<usize> {
        let keys = (0..self.zone.blocks.len()).filter_map(|block| self.key(block));
        keys.min().map(|key| key as u32 as usize)
    }

    /// Rank of a block as one to empty.
    fn key(&self, number: usize) -> Option<u64> {
        let (zone, block) = (&self.zone, &self.zone.blocks[number]);
        let held = Occupancy {
            in_use: block.nr_present() - block.nr_free,
            sparse: zone.geometry.pageblocks() - block.nr_dirty,
            pageblock: zone.geometry.pageblock_pages(),
            failures: self.room.failures[number],
            lost: !block.complete,
        };
        let key = evacuate::key(number as u32, &held);
        key.filter(|_| block.tainted())
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

    /// Moves what can move out of a range, as long as there is memory to move it to.
    fn empty(&mut self, block: usize, range: Range<u32>) -> Emptied {
        let mut result = Emptied::default();
        for (pfn, page) in self.held.within(block, range) {
            if page.ty != Type::Movable {
                continue;
            }
            let want = Want {
                order: page.order,
                ty: Type::Movable,
                flags: TARGET,
            };
            let target = (!result.gave_up).then(|| self.zone.alloc(want)).flatten();
            let Some(target) = target else {
                result.gave_up = true;
                result.left += 1 << page.order;
                continue;
            };
            self.held.remove(pfn);
            self.zone.free(page);
            self.held.put(pfn, target);
            result.moved += 1 << page.order;
        }
        self.counts.moved += u64::from(result.moved);
        result
    }
}
