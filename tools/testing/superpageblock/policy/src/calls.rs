// SPDX-License-Identifier: GPL-2.0-only

//! How often is the policy called? Rarely, wherever a block happens to be.

use crate::hooks::Calls;
use crate::hooks::Zone;
use crate::policy::units::Type;
use crate::rmqueue::Page;
use crate::rmqueue::Want;
use crate::scenario::Kind;
use crate::scenario::REAL;

const PAIRS: u32 = 1000;

fn want(order: u32, ty: Type) -> Want {
    Want {
        order,
        ty,
        flags: 0,
    }
}

/// Take all of a zone for `ty`.
fn fill(zone: &mut Zone, ty: Type) -> Vec<Page> {
    let mut pages = Vec::new();
    for order in (0..=zone.max_order).rev() {
        while let Some(page) = zone.alloc(want(order, ty)) {
            pages.push(page);
        }
    }
    pages
}

/// Have `nr` pages free in the first block, in scattered pieces of `order`,
/// and none in the others.
fn left_free(zone: &mut Zone, ty: Type, nr: u32, order: u32) {
    let pages = fill(zone, ty);
    let (mut left, size) = (nr, 1 << order);
    let whole = |page: &Page| page.block == 0 && page.order == REAL.max_order;
    for page in pages.into_iter().filter(whole) {
        let step = if order == zone.max_order { 1 } else { 2 };
        for start in (0..1 << page.order).step_by(step << order) {
            if left >= size {
                left -= size;
                zone.free(Page {
                    page: page.page + start,
                    order,
                    ..page
                });
            }
        }
    }
    assert_eq!(left, 0);
}

/// Calls for [`PAIRS`] times an allocation and a free.
fn pairs(zone: &mut Zone, order: u32, ty: Type) -> Calls {
    zone.calls = Calls::default();
    for _ in 0..PAIRS {
        if let Some(page) = zone.alloc(want(order, ty)) {
            zone.free(page);
        }
    }
    zone.calls
}

#[test]
fn a_nearly_full_block_does_not_call_on_every_free_and_allocation() {
    for ty in [Type::Movable, Type::Unmovable] {
        for nr in (1..=3).chain(62..=66) {
            let mut zone = Zone::new(REAL, &[Kind::Complete]);
            left_free(&mut zone, ty, nr, 0);
            let calls = pairs(&mut zone, 0, ty);
            assert!(calls.updates() <= 4, "{ty:?} {nr}: {calls:?}");
            assert!(calls.plan <= PAIRS + 4, "{ty:?} {nr}: {calls:?}");
            zone.check();
        }
    }
}

#[test]
fn a_block_at_the_edge_of_a_bucket_does_not_call_on_every_operation() {
    let edge = 1 << 14;
    for order in [0, 9, 10] {
        for nr in [edge - 513, edge - 1, edge, edge + 1, edge + 512] {
            let mut zone = Zone::new(REAL, &[Kind::Complete]);
            left_free(&mut zone, Type::Movable, (nr >> order) << order, order);
            let calls = pairs(&mut zone, 0, Type::Movable);
            assert!(calls.updates() <= 4, "{order} {nr}: {calls:?}");
        }
    }
}

#[test]
fn a_block_at_its_reserve_does_not_call_on_every_operation() {
    // The size of the zone, in blocks, moves the reserve.
    for blocks in 1..=3 {
        let mut kinds = vec![Kind::Complete; blocks];
        kinds[0] = Kind::Reserved(0);
        for (order, over) in [(0, 0), (0, 256), (9, 0), (9, 1024), (10, 0), (10, 1024)] {
            let mut zone = Zone::new(REAL, &kinds);
            let (_, reserve) = zone.reserve_bounds();
            let nr = ((reserve + over) >> order) << order;
            left_free(&mut zone, Type::Movable, nr, order);
            let calls = pairs(&mut zone, 0, Type::Movable);
            assert!(calls.updates() <= 4, "{blocks} {order} {over}: {calls:?}");
        }
    }
}

#[test]
fn filling_and_draining_calls_once_in_many_operations() {
    let mut zone = Zone::new(REAL, &[Kind::Complete, Kind::Complete]);
    let mut pages = Vec::new();
    while let Some(page) = zone.alloc(want(3, Type::Movable)) {
        pages.push(page);
    }
    let calls = zone.calls;
    assert!(calls.updates() <= pages.len() as u32 / 100, "{calls:?}");
    assert!(calls.plan <= pages.len() as u32 * 101 / 100, "{calls:?}");
    zone.calls = Calls::default();
    for &page in &pages {
        zone.free(page);
    }
    let calls = zone.calls;
    assert!(calls.updates() <= pages.len() as u32 / 100, "{calls:?}");
    zone.check();
}
