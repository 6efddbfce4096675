// SPDX-License-Identifier: GPL-2.0-only

//! What does the policy make of recorded events?
//!
//! Each event is carried out on a model of one zone, with the passes that the allocator makes. There are no
//! per-CPU lists and no worker, and nobody reclaims but the recorded machine. Blocks are smaller than a gigabyte, for
//! a load of minutes to fill many of them.

use crate::block::is_dirty_type;
use crate::counts::Counts;
use crate::counts::PER_LOOK;
use crate::held::Held;
use crate::hooks::Zone;
use crate::policy::request::BeforeTaint;
use crate::policy::request::Flags;
use crate::policy::units::Geometry;
use crate::policy::units::Order;
use crate::rmqueue::Page;
use crate::rmqueue::Want;
use crate::room::Room;
use crate::scenario::Kind;
use crate::scenario::Sizes;
use crate::tape::Event;
use crate::tape::Request;

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

/// What became of a request.
enum Outcome {
    Served(Page),
    /// It is to ask for less.
    Refused,
    /// There is no page.
    Failed,
}

impl From<Option<Page>> for Outcome {
    fn from(page: Option<Page>) -> Self {
        page.map_or(Self::Failed, Self::Served)
    }
}

/// A zone in which recorded events happen once more.
pub(crate) struct Replay {
    pub(crate) zone: Zone,
    pub(crate) held: Held,
    pub(crate) counts: Counts,
    pub(crate) room: Room,
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
            room: Room::new(blocks),
            tainted: vec![false; blocks],
        }
    }

    /// Something is allocated or freed.
    pub(crate) fn event(&mut self, event: &Event) {
        match event.request {
            Some(request) => self.allocate(event, request),
            None => self.free(event),
        }
    }

    fn allocate(&mut self, event: &Event, request: Request) {
        // Of what compaction moved away from here, nobody saw the free.
        self.give_back(event.pfn, event.order);
        self.counts.allocations += 1;
        match self.ask(event.time, event.order, request) {
            Outcome::Served(page) => self.put(event.pfn, page),
            Outcome::Refused => {
                self.counts.refused += 1;
                self.serve_singly(event, request);
            }
            Outcome::Failed => self.counts.failed += 1,
        }
    }

    /// Pages of order 0 for a larger request that was refused, which then may wait: slabs and what kvmalloc() takes.
    fn serve_singly(&mut self, event: &Event, mut request: Request) {
        request.flags |= Flags::WAITS;
        let mut failed = false;
        for pfn in event.pfn..event.pfn + (1 << event.order) {
            match self.ask(event.time, 0, request) {
                Outcome::Served(page) => self.put(pfn, page),
                _ => failed = true,
            }
        }
        self.counts.failed += u64::from(failed);
    }

    fn put(&mut self, pfn: u32, page: Page) {
        if is_dirty_type(page.ty as usize) {
            self.counts.kernel += 1 << page.order;
            self.counts.kernel_most = self.counts.kernel_most.max(self.counts.kernel);
        }
        self.held.put(pfn, page);
        self.note(page.block);
    }

    fn ask(&mut self, time: u64, order: u32, request: Request) -> Outcome {
        let ty = request.ty;
        let want = |flags| Want { order, ty, flags };
        for flags in FIRST {
            if let Some(page) = self.zone.alloc(want(flags)) {
                return Outcome::Served(page);
            }
        }
        if is_dirty_type(ty as usize) {
            if let Some(outcome) = self.before_taint(time, want(FIRST[1]), request.flags) {
                return outcome;
            }
        }
        self.zone.alloc(want(LAST)).into()
    }

    /// What kernel memory tries before it taints a clean block; none if it is to do that.
    fn before_taint(&mut self, time: u64, want: Want, flags: u32) -> Option<Outcome> {
        let before = BeforeTaint::of(Order::new(want.order), Flags(flags));
        let may_move = flags & Flags::IO != 0;
        if before.make_room && may_move && self.make_room(time, want.order) {
            return self.zone.alloc(want).map(Outcome::Served);
        }
        let may_refuse = want.order <= self.zone.pageblock_order() && !self.room.rests(time);
        (before.refuse && may_refuse).then_some(Outcome::Refused)
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
    use crate::policy::units::Type;
    use crate::testing::event;
    use crate::testing::request;
    use crate::testing::with_a_full_tainted_block;
    use crate::testing::LARGE;
    use crate::testing::MOVABLE;
    use crate::testing::UNMOVABLE;

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
        let until = (1 << 10) + rest;
        assert!(replay.room.rests(until - 1) && !replay.room.rests(until));
        assert!(!replay.make_room(until - 1, 0));
        assert!(!replay.room.rests(until));
        assert!(!replay.make_room(until, 0));
        assert!(replay.room.rests(until));
    }

    /// Counts once a request of `order` has been made there.
    fn counts_after(order: u32, flags: u32) -> Counts {
        let mut replay = with_a_full_tainted_block();
        replay.event(&event(1 << 21, order, request(Type::Unmovable, flags)));
        replay.counts
    }

    #[test]
    fn who_can_do_with_less_gets_single_pages_in_room_that_they_make() {
        let mut replay = with_a_full_tainted_block();
        replay.event(&event(1 << 21, 3, LARGE));
        replay.event(&event(1 << 21, 3, None));
        let counts = replay.counts;
        assert_eq!((counts.refused, counts.taints, counts.failed), (1, 1, 0));
        assert_eq!((counts.moved, counts.kernel), (512, 512));
    }

    #[test]
    fn who_can_do_with_less_is_not_refused_where_no_room_can_be_made() {
        assert_eq!(counts_after(10, Flags::IO).refused, 0);
        // The first page of the kernel found none.
        let mut replay = with_a_full_tainted_block();
        replay.event(&event((1 << 20) + 1000, 3, LARGE));
        let counts = replay.counts;
        assert_eq!((counts.refused, counts.taints, counts.moved), (0, 2, 0));
    }

    #[test]
    fn who_must_not_wait_or_do_io_taints_at_once() {
        for flags in [
            Flags::WAITS,
            Flags::URGENT,
            Flags::MUST | Flags::WAITS | Flags::IO,
        ] {
            let counts = counts_after(3, flags);
            assert_eq!((counts.taints, counts.moved, counts.refused), (2, 0, 0));
        }
        let waits = counts_after(3, Flags::WAITS | Flags::IO);
        assert_eq!((waits.taints, waits.moved, waits.refused), (1, 512, 0));
    }

    #[test]
    fn what_is_freed_twice_or_was_there_before_is_counted() {
        let events = [event(8, 1, MOVABLE), event(8, 1, None), event(8, 1, None)];
        let counts = replay(256, &events);
        assert_eq!((counts.allocations, counts.unknown), (1, 1));
    }

    #[test]
    fn what_is_allocated_again_was_given_back() {
        let counts = replay(256, &[event(8, 0, UNMOVABLE), event(8, 0, UNMOVABLE)]);
        assert_eq!((counts.allocations, counts.kernel), (2, 1));
    }
}
