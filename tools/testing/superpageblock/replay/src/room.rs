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
        // What stayed lacked memory to go to: not the block's fault.
        if result.paid() {
            self.room.failures[block] = 0;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::after;
    use crate::testing::event;
    use crate::testing::request;
    use crate::testing::with_a_full_tainted_block;
    use crate::testing::with_movable_pages;
    use crate::testing::MOVABLE;
    use crate::testing::UNMOVABLE;

    /// Later than all that the tests let happen.
    const NOW: u64 = 1 << 40;

    /// The only one.
    fn tainted(replay: &Replay) -> usize {
        let mut blocks = (0..2).filter(|block| replay.zone.blocks[*block].tainted());
        let first = blocks.next().unwrap();
        assert_eq!(blocks.next(), None);
        first
    }

    #[test]
    fn room_is_made_where_it_was_last_as_long_as_that_goes() {
        let mut replay = with_a_full_tainted_block();
        let first = tainted(&replay);
        replay.room.failures[first] = 2;
        assert!(replay.make_room(NOW, 3));
        assert_eq!(replay.room.failures[first], 0);
        assert_eq!(replay.room.last, Some(first));
        // Who cannot wait taints the other one as well, which ranks behind it.
        let atomic = request(Type::Unmovable, Flags::URGENT);
        replay.event(&event(1 << 21, 9, atomic));
        replay.event(&event(1 << 22, 9, atomic));
        assert_eq!(replay.block_to_empty(), Some(first));
        let other = 1 - first;
        replay.room.last = Some(other);
        replay.make_room(NOW, 0);
        assert_eq!(replay.room.last, Some(other));
        replay.room.failures[other] = 2;
        replay.make_room(2 * NOW, 0);
        assert_eq!(replay.room.last, Some(first));
    }

    #[test]
    fn a_block_is_not_to_blame_for_want_of_memory() {
        for (mut replay, moved) in [
            (with_movable_pages(9, 0), 0),
            // Half of a pageblock moves: no more than what stays.
            (with_movable_pages(8, 1), 256),
        ] {
            let block = tainted(&replay);
            assert!(!replay.make_room(NOW, 0));
            assert!(replay.room.rests(NOW));
            assert_eq!(replay.room.failures[block], 0);
            assert_eq!(replay.counts.moved, moved);
        }
    }

    #[test]
    fn less_room_than_was_asked_for_is_none() {
        for (order, made) in [(2, true), (3, false)] {
            let mut replay = with_a_full_tainted_block();
            // Four pages stay of each movable pageblock.
            for (number, order) in (16..31).flat_map(|n| (2..9).map(move |order| (n, order))) {
                replay.event(&event((number << 9) + (1 << order), order, None));
            }
            assert_eq!(replay.make_room(NOW, order), made);
            assert_eq!(replay.room.rests(NOW), !made);
            assert_eq!(replay.counts.moved, 4);
        }
    }

    #[test]
    fn a_block_that_cannot_be_emptied_is_to_blame_for_a_while() {
        let mut replay = after([9, 10].map(|order| event(1 << (order + 11), order, UNMOVABLE)));
        let (block, ms) = (tainted(&replay), NS_PER_MS);
        for (time, failures) in [(NOW, 4), (NOW + 200 * ms, 8), (NOW + 5000 * ms, 8)] {
            assert!(!replay.make_room(time, 0));
            assert_eq!(replay.room.failures[block], failures);
        }
    }

    #[test]
    fn clean_blocks_are_left_alone() {
        let mut replay = after([event(0, 9, MOVABLE)]);
        assert!(!replay.make_room(NOW, 0));
        assert_eq!(replay.counts.moved, 0);
    }

    #[test]
    fn kernel_memory_stays() {
        // One of its pages has movable ones around it, the others have pageblocks of their own.
        let mut events = vec![event(1 << 20, 0, UNMOVABLE)];
        events.extend((1..16).map(|number| event((1 << 20) + (number << 9), 9, UNMOVABLE)));
        events.extend((0..16).map(|number| event(number << 9, 9, MOVABLE)));
        events.extend((0..511).map(|page| event((1 << 19) + page, 0, MOVABLE)));
        events.push(event(0, 9, None));
        let mut replay = after(events);
        assert_eq!(replay.counts.failed, 0);
        let block = tainted(&replay);
        assert!(replay.make_room(NOW, 0));
        assert_eq!(replay.counts.moved, 511);
        assert_eq!(replay.held.within(block, 0..1 << 13).len(), 16);
    }
}
