// SPDX-License-Identifier: GPL-2.0-only

//! What do the calls cost that keep the policy informed?

use std::hint::black_box;

use crate::cases::Work;
use crate::cases::OPERATIONS;
use crate::place;
use crate::place::fill;
use crate::place::Store;
use crate::place::GB;
use crate::place::LARGEST;
use crate::policy::units::BlockId;
use crate::policy::units::Type;
use crate::policy::zone::Zone;

/// What is done to one block; the flag says in which direction.
type Step = fn(&mut Zone<'_>, BlockId, bool);

/// Does a step to many blocks, and the reverse to those that it was done to before.
struct Update {
    store: Store,
    ids: Vec<BlockId>,
    step: Step,
    done: Vec<bool>,
}

impl Work for Update {
    fn run(&mut self) -> u32 {
        let mut zone = self.store.zone();
        for id in &self.ids {
            let done = &mut self.done[id.0 as usize];
            *done = !*done;
            (self.step)(&mut zone, black_box(*id), *done);
        }
        OPERATIONS
    }
}

/// Half full blocks, on which `step` is done; all tainted with pages of four types if
/// `tainted`.
fn update(blocks: u32, tainted: bool, step: Step) -> Box<dyn Work> {
    let mut store = Store::new(blocks);
    let mut zone = store.zone();
    for id in place::ids(blocks) {
        fill(&mut zone, id, GB / 2, u32::from(tainted) * 100, LARGEST);
        if tainted {
            for ty in [Type::Unmovable, Type::Reclaimable, Type::HighAtomic] {
                zone.advertise(id, ty, 1 << 5, 1000);
            }
        }
    }
    Box::new(Update {
        store,
        ids: place::scattered(blocks, OPERATIONS as usize),
        step,
        done: vec![false; blocks as usize],
    })
}

/// A clean block becomes fuller or emptier by a sixteenth.
pub(crate) fn fill_and_drain(blocks: u32) -> Box<dyn Work> {
    update(blocks, false, |zone, id, up| {
        let free = if up { GB / 2 + GB / 8 } else { GB / 2 };
        black_box(zone.classify(id, free, 0));
    })
}

/// A tainted block with pages of four types becomes denser or sparser by an eighth.
pub(crate) fn denser_and_sparser(blocks: u32) -> Box<dyn Work> {
    update(blocks, true, |zone, id, up| {
        black_box(zone.classify(id, GB / 2, if up { 200 } else { 100 }));
    })
}

/// The last page of a type goes, or the first one comes.
pub(crate) fn advertise(blocks: u32) -> Box<dyn Work> {
    update(blocks, false, |zone, id, up| {
        let (orders, pages) = if up { (0, 0) } else { (LARGEST, GB / 2) };
        black_box(zone.advertise(id, Type::Movable, orders, pages));
    })
}

/// A pageblock of a clean block becomes unmovable, or all of it free and movable again.
pub(crate) fn retype(blocks: u32) -> Box<dyn Work> {
    update(blocks, false, |zone, id, up| {
        let (orders, pages) = if up { (1 << 8, 511) } else { (0, 0) };
        black_box(zone.advertise(id, Type::Unmovable, orders, pages));
        black_box(zone.advertise(id, Type::Movable, LARGEST, GB / 2));
        black_box(zone.classify(id, GB / 2, u32::from(up)));
    })
}
