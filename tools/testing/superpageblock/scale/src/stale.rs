// SPDX-License-Identifier: GPL-2.0-only

//! What does a hold of zone->lock cost whose request meets plans that are stale?
//!
//! All blocks are on file with a page that only the last one still has; so plans
//! are corrected, as `spb_rmqueue_slow()` does, until the last one is found or it
//! is time to let others have the lock.

use std::hint::black_box;

use crate::cases::Work;
use crate::place;
use crate::place::fill;
use crate::place::Store;
use crate::place::GB;
use crate::place::LARGEST;
use crate::place::X86;
use crate::policy::request::Flags;
use crate::policy::request::Request;
use crate::policy::units::Order;
use crate::policy::units::Type;
use crate::policy::wire;

/// Orders that all blocks but the last one really have.
const LEFT: u16 = 1 << 8;

/// Corrections in one hold, `SPB_MAX_CORRECTIONS` in mm/superpageblock/block.h.
const MAX_CORRECTIONS: u32 = 64;

/// What one operation is.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    /// All that happens in one hold of the lock.
    Hold,
    /// One plan that was stale, and its correction.
    Correction,
}

struct Stale {
    store: Store,
    blocks: u32,
    unit: Unit,
}

impl Work for Stale {
    fn reset(&mut self) {
        let mut zone = self.store.zone();
        // The last one filed is the first one found.
        for id in place::ids(self.blocks).rev() {
            zone.advertise(id, Type::Movable, 0, 0);
            zone.advertise(id, Type::Movable, 0, 0);
            fill(&mut zone, id, GB / 2, 0, LARGEST);
        }
    }

    fn run(&mut self) -> u32 {
        let mut corrections = 0;
        let mut zone = self.store.zone();
        let request = Request::new(Order::new(9), Type::Movable, Flags(0), &X86);
        while let Some(plan) = zone.plan(black_box(&request)) {
            if u32::from(plan.block.0) == self.blocks - 1 {
                break;
            }
            let advert = zone.advertise(plan.block, plan.from, black_box(LEFT), GB / 2);
            black_box(wire::advert(advert));
            corrections += 1;
            if corrections == MAX_CORRECTIONS {
                break;
            }
        }
        assert!(corrections == MAX_CORRECTIONS.min(self.blocks - 1));
        match self.unit {
            Unit::Hold => 1,
            Unit::Correction => corrections,
        }
    }
}

fn stale(blocks: u32, unit: Unit) -> Box<dyn Work> {
    Box::new(Stale {
        store: Store::new(blocks),
        blocks,
        unit,
    })
}

/// One hold of the lock.
pub(crate) fn hold(blocks: u32) -> Box<dyn Work> {
    stale(blocks, Unit::Hold)
}

/// One plan that was stale.
pub(crate) fn correction(blocks: u32) -> Box<dyn Work> {
    stale(blocks, Unit::Correction)
}
