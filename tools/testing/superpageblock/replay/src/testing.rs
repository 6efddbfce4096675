// SPDX-License-Identifier: GPL-2.0-only

//! Which events do tests make, and where do they begin?

use crate::policy::request::Flags;
use crate::policy::units::Type;
use crate::run::Replay;
use crate::tape::Event;
use crate::tape::Request;

pub(crate) const UNMOVABLE: Option<Request> = request(Type::Unmovable, Flags::WAITS | Flags::IO);
pub(crate) const MOVABLE: Option<Request> = request(Type::Movable, Flags::WAITS | Flags::IO);
/// As for a slab of more than a page.
pub(crate) const LARGE: Option<Request> = request(Type::Unmovable, Flags::IO);

pub(crate) const fn request(ty: Type, flags: u32) -> Option<Request> {
    Some(Request { ty, flags })
}

/// Something happens to a page, the later the higher its number.
pub(crate) fn event(pfn: u32, order: u32, request: Option<Request>) -> Event {
    Event {
        // 100 ms are some 200 pageblocks.
        time: u64::from(pfn) << 10,
        pfn,
        order,
        request,
    }
}

/// Two blocks with 16 pageblocks each after these events.
pub(crate) fn after(events: impl IntoIterator<Item = Event>) -> Replay {
    let mut replay = Replay::new(2);
    events.into_iter().for_each(|event| replay.event(&event));
    replay
}

/// The first block has a pageblock of the kernel, and movable pages of `order`, 8 or 9, in all else, as has the other;
/// `freed` of these are given back, all in the other block.
pub(crate) fn with_movable_pages(order: u32, freed: u32) -> Replay {
    let all = 31 << (9 - order);
    let mut events = vec![event(1 << 20, 9, UNMOVABLE)];
    events.extend((0..all).map(|number| event(number << order, order, MOVABLE)));
    events.extend((0..freed).map(|number| event(number << order, order, None)));
    after(events)
}

/// The same, and the other block is free.
pub(crate) fn with_a_full_tainted_block() -> Replay {
    with_movable_pages(9, 16)
}
