// SPDX-License-Identifier: GPL-2.0-only

//! What does the policy make of recorded events?
//!
//! Each event is carried out on a model of one zone, with the passes that the allocator makes. There are no
//! per-CPU lists, and nobody reclaims but the recorded machine. Blocks are smaller than a gigabyte, for a load of
//! minutes to fill many of them.

use crate::block::is_dirty_type;
use crate::counts::Counts;
use crate::counts::PER_LOOK;
use crate::held::Held;
use crate::hooks::Zone;
use crate::policy::request::Flags;
use crate::policy::units::Geometry;
use crate::policy::units::Order;
use crate::policy::units::Type;
use crate::rmqueue::Page;
use crate::rmqueue::Want;
use crate::scenario::Kind;
use crate::scenario::Sizes;
use crate::tape::Event;

/// 16 pageblocks of 2 MB: with fewer, shares of a block such as the reserve come out too coarse.
const SIZES: Sizes = Sizes {
    max_order: 10,
    geometry: Geometry {
        pageblock_order: Order::new(9),
        block_order: 13,
    },
};
const PAGES_PER_MIB: u64 = 256;

/// What a request tries, one after the other.
const FIRST: [u32; 2] = [Flags::FIRST_PASS | Flags::NOFRAGMENT, Flags::FIRST_PASS];
const LAST: u32 = 0;

/// A zone in which recorded events happen once more.
pub(crate) struct Replay {
    pub(crate) zone: Zone,
    pub(crate) held: Held,
    pub(crate) counts: Counts,
    /// No room is made before that time.
    pub(crate) rests_until: u64,
    /// Attempts to make room in each block that failed.
    pub(crate) failures: Vec<u32>,
    /// Whether each block held memory that cannot move when last looked at.
    tainted: Vec<bool>,
}

/// Replays all events in a zone with `memory` MiB.
pub(crate) fn replay(memory: u64, events: &[Event]) -> Counts {
    let pages = 1u32 << SIZES.geometry.block_order;
    let blocks = (memory * PAGES_PER_MIB).div_ceil(u64::from(pages)) as usize;
    let mut replay = Replay::new(blocks);
    for (number, event) in events.iter().enumerate() {
        replay.event(event);
        if number % PER_LOOK == 0 {
            replay.look();
        }
    }
    replay.look();
    let mut counts = replay.counts;
    counts.tainted_end = replay.tainted.iter().filter(|tainted| **tainted).count() as u64;
    counts.updates = u64::from(replay.zone.calls.updates());
    counts
}

impl Replay {
    /// A zone of complete blocks, all free.
    pub(crate) fn new(blocks: usize) -> Self {
        let zone = Zone::new(SIZES, &vec![Kind::Complete; blocks]);
        Self {
            zone,
            held: Held::new(blocks, 1 << SIZES.geometry.block_order),
            counts: Counts::default(),
            rests_until: 0,
            failures: vec![0; blocks],
            tainted: vec![false; blocks],
        }
    }

    /// Something is allocated or freed.
    pub(crate) fn event(&mut self, event: &Event) {
        match event.ty {
            Some(ty) => self.allocate(event, ty),
            None => self.free(event),
        }
    }

    fn allocate(&mut self, event: &Event, ty: Type) {
        // Of what compaction moved away from here, nobody saw the free.
        self.give_back(event.pfn, event.order);
        self.counts.allocations += 1;
        let Some(page) = self.ask(event, ty) else {
            self.counts.failed += 1;
            return;
        };
        if is_dirty_type(ty as usize) {
            self.counts.kernel += 1 << page.order;
            self.counts.kernel_most = self.counts.kernel_most.max(self.counts.kernel);
        }
        self.held.put(event.pfn, page);
        self.note(page.block);
    }

    fn ask(&mut self, event: &Event, ty: Type) -> Option<Page> {
        let order = event.order;
        let mut want = Want {
            order,
            ty,
            flags: FIRST[0],
        };
        for flags in FIRST {
            want.flags = flags;
            if let Some(page) = self.zone.alloc(want) {
                return Some(page);
            }
        }
        if is_dirty_type(ty as usize) && self.make_room(event.time, want) {
            if let Some(page) = self.zone.alloc(want) {
                return Some(page);
            }
        }
        want.flags = LAST;
        self.zone.alloc(want)
    }

    fn free(&mut self, event: &Event) {
        if !self.give_back(event.pfn, event.order) {
            self.counts.unknown += 1;
        }
    }

    /// Frees what the model has for these pages; whether there was some.
    fn give_back(&mut self, pfn: u32, order: u32) -> bool {
        let pages = self.held.take(pfn, order);
        for page in &pages {
            if is_dirty_type(page.ty as usize) {
                self.counts.kernel -= 1 << page.order;
            }
            self.zone.free(*page);
            self.note(page.block);
        }
        !pages.is_empty()
    }

    /// Counts it if a block was tainted, or is not any more.
    fn note(&mut self, block: usize) {
        let now = self.zone.blocks[block].tainted();
        let before = std::mem::replace(&mut self.tainted[block], now);
        self.counts.taints += u64::from(now && !before);
        self.counts.untaints += u64::from(before && !now);
        let tainted = self.counts.taints - self.counts.untaints;
        self.counts.tainted_most = self.counts.tainted_most.max(tainted);
    }

    fn look(&mut self) {
        let tally = self.zone.policy().tally();
        let tainted = u64::from(tally.tainted);
        let counts = &mut self.counts;
        counts.tainted_sum += tainted;
        counts.empty_sum += u64::from(tally.empty);
        counts.looks += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::evacuate::LIMITS;

    const UNMOVABLE: Option<Type> = Some(Type::Unmovable);
    const MOVABLE: Option<Type> = Some(Type::Movable);

    fn event(pfn: u32, order: u32, ty: Option<Type>) -> Event {
        Event {
            // 100 ms are some 200 pageblocks.
            time: u64::from(pfn) << 10,
            pfn,
            order,
            ty,
        }
    }

    #[test]
    fn kernel_memory_taints_one_block_and_gives_it_back() {
        let events: Vec<Event> = (0..100)
            .map(|page| event(page, 0, UNMOVABLE))
            .chain((0..100).map(|page| event(page, 0, None)))
            .collect();
        let counts = replay(1024, &events);
        assert_eq!((counts.taints, counts.untaints), (1, 1));
        assert_eq!((counts.kernel_most, counts.kernel), (100, 0));
        assert_eq!(
            (counts.tainted_end, counts.failed, counts.unknown),
            (0, 0, 0)
        );
    }

    #[test]
    fn room_is_made_where_memory_is_full_of_movable_pages() {
        // Of two blocks with 16 pageblocks each, one has kernel memory. Movable memory fills the other one, and leaves
        // four pageblocks of the first; then three of the other one are freed.
        let mut events = vec![event(1 << 20, 9, UNMOVABLE)];
        events.extend((0..27).map(|number| event(number << 9, 9, MOVABLE)));
        events.extend((0..3).map(|number| event(number << 9, 9, None)));
        events.extend((0..6).map(|number| event((1 << 21) + (number << 9), 9, UNMOVABLE)));
        let mut replay = Replay::new(2);
        events.iter().for_each(|event| replay.event(event));
        let counts = replay.counts;
        assert_eq!((counts.failed, counts.taints), (0, 1));
        assert_eq!(counts.moved, 2 << 9);
    }

    #[test]
    fn who_found_no_room_does_not_look_again_at_once() {
        // Nothing is tainted yet: there is nothing to empty.
        let mut replay = Replay::new(2);
        replay.event(&event(1, 0, UNMOVABLE));
        let rest = u64::from(LIMITS.request_rest_ms) * 1_000_000;
        assert_eq!(replay.rests_until, (1 << 10) + rest);
        let want = Want {
            order: 0,
            ty: Type::Unmovable,
            flags: LAST,
        };
        assert!(!replay.make_room(replay.rests_until - 1, want));
        assert_eq!(replay.rests_until, (1 << 10) + rest);
    }

    #[test]
    fn what_is_freed_twice_or_was_there_before_is_counted() {
        let events = [event(8, 1, MOVABLE), event(8, 1, None), event(8, 1, None)];
        let counts = replay(256, &events);
        assert_eq!((counts.allocations, counts.unknown), (1, 1));
    }
}
