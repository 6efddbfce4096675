// SPDX-License-Identifier: GPL-2.0-only

//! What does a whole plan cost, from the first row of its table to the last?

use std::hint::black_box;

use crate::cases::Work;
use crate::cases::OPERATIONS;
use crate::place;
use crate::place::fill;
use crate::place::Store;
use crate::place::GB;
use crate::place::LARGEST;
use crate::place::X86;
use crate::policy::plan::Plan;
use crate::policy::request::Flags;
use crate::policy::request::Request;
use crate::policy::units::BlockId;
use crate::policy::units::Order;
use crate::policy::units::Type;
use crate::policy::wire;
use crate::policy::zone::Zone;

/// A request without its flags, as C states it.
const SMALL: Order = Order::new(0);
const LARGE: Order = Order::new(10);

/// Plans the same request again and again.
struct Planned {
    store: Store,
    order: Order,
    ty: Type,
    plan: u64,
}

fn plan(zone: &Zone<'_>, order: Order, ty: Type) -> u64 {
    let request = Request::new(order, ty, Flags(0), &X86);
    wire::plan(zone.plan(&request))
}

impl Work for Planned {
    fn run(&mut self) -> u32 {
        let zone = self.store.zone();
        for _ in 0..OPERATIONS {
            let found = plan(black_box(&zone), black_box(self.order), black_box(self.ty));
            assert!(found == self.plan);
        }
        OPERATIONS
    }
}

/// Plans `order` for `ty`; who is served is checked against `served`.
fn planned(
    mut store: Store,
    order: Order,
    ty: Type,
    served: impl Fn(&Plan) -> bool,
) -> Box<dyn Work> {
    let request = Request::new(order, ty, Flags(0), &X86);
    let zone = store.zone();
    let found = zone.plan(&request);
    assert!(found.as_ref().is_some_and(served), "{found:?}");
    let plan = wire::plan(found);
    Box::new(Planned {
        store,
        order,
        ty,
        plan,
    })
}

fn last(blocks: u32) -> BlockId {
    BlockId((blocks - 1) as u16)
}

/// Half of the blocks clean and half full, the others tainted.
fn mixed(blocks: u32) -> Store {
    let mut store = Store::new(blocks);
    let mut zone = store.zone();
    for id in place::ids(blocks) {
        let dirty = u32::from(id.0 % 2) * 100;
        fill(&mut zone, id, GB / 2, dirty, LARGEST);
        if dirty != 0 {
            zone.advertise(id, Type::Unmovable, 1 << 5, 2000);
        }
    }
    store
}

/// A movable page among clean and tainted blocks.
pub(crate) fn movable(blocks: u32) -> Box<dyn Work> {
    planned(mixed(blocks), SMALL, Type::Movable, |plan| {
        plan.block.0 % 2 == 0
    })
}

/// A page for the kernel among clean and tainted blocks.
pub(crate) fn unmovable(blocks: u32) -> Box<dyn Work> {
    planned(mixed(blocks), SMALL, Type::Unmovable, |plan| {
        plan.block.0 % 2 == 1
    })
}

/// Nothing is left but a few pages of other types: the last row of the table serves.
pub(crate) fn last_row(blocks: u32) -> Box<dyn Work> {
    let mut store = Store::new(blocks);
    let mut zone = store.zone();
    for id in place::ids(blocks) {
        zone.classify(id, 3, 1);
        zone.advertise(id, Type::Unmovable, 1, 1);
    }
    planned(store, SMALL, Type::Movable, |plan| {
        plan.from == Type::Unmovable
    })
}

/// Blocks in every bucket of every category, all of whose pages are too small but those
/// in the last one: each row looks at each bucket.
pub(crate) fn every_bucket(blocks: u32) -> Box<dyn Work> {
    let mut store = Store::new(blocks);
    let mut zone = store.zone();
    for id in place::ids(blocks - 1) {
        spread(&mut zone, id);
    }
    zone.classify(last(blocks), 0, 512);
    zone.advertise(last(blocks), Type::Unmovable, LARGEST, 1);
    planned(store, LARGE, Type::Movable, |plan| {
        plan.from == Type::Unmovable
    })
}

/// Files a block under one of five categories and 16 buckets, with pages of all types.
fn spread(zone: &mut Zone<'_>, id: BlockId) {
    const TOO_SMALL: u16 = 1 << 3;
    let (kind, bucket) = (u32::from(id.0) % 5, u32::from(id.0) / 5 % 16);
    let lost = kind == 0 || kind == 2;
    let present = if lost { GB - 512 } else { GB };
    zone.set_block(id, present, 0, !lost);
    let clean = (bucket << 14).min(present - 1);
    match kind {
        // Twice, for levels overlap: the second call comes from outside of any.
        0 | 1 => {
            zone.classify(id, present, 0);
            zone.classify(id, clean, 0);
        }
        2 | 3 => {
            let free = if bucket < 8 { GB / 2 } else { 0 };
            zone.classify(id, free, 512 - bucket % 8 * 64);
        }
        _ => {
            zone.classify(id, clean, 1);
        }
    }
    let cma = kind == 4;
    for ty in Type::ALL {
        if ty != Type::Cma || cma {
            zone.advertise(id, ty, TOO_SMALL, 1000);
        }
    }
}
