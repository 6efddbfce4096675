// SPDX-License-Identifier: GPL-2.0-only

//! Which functions does C call? Those of `struct spb_policy_ops`.
//!
//! The only file that sees raw pointers. Hooks are called with zone->lock held
//! and interrupts off: from them nothing allocates, prints, sleeps or panics.

use crate::policy::contig;
use crate::policy::request::Flags;
use crate::policy::request::Request;
use crate::policy::units::BlockId;
use crate::policy::units::Geometry;
use crate::policy::units::Order;
use crate::policy::units::Type;
use crate::policy::wire;
use crate::policy::zone::Zone;
use crate::state::ZoneLockHeld;
use crate::state::ZoneState;
use core::ptr;
use kernel::bindings;
use kernel::prelude::*;

/// What C knows as `struct spb_policy_zone`.
type Handle = bindings::spb_policy_zone;

// `Type` numbers the migratetypes as C does.
const _: () = {
    assert!(bindings::migratetype_MIGRATE_UNMOVABLE as u32 == Type::Unmovable as u32);
    assert!(bindings::migratetype_MIGRATE_MOVABLE as u32 == Type::Movable as u32);
    assert!(bindings::migratetype_MIGRATE_RECLAIMABLE as u32 == Type::Reclaimable as u32);
    assert!(bindings::migratetype_MIGRATE_HIGHATOMIC as u32 == Type::HighAtomic as u32);
    #[cfg(CONFIG_CMA)]
    assert!(bindings::migratetype_MIGRATE_CMA as u32 == Type::Cma as u32);
    assert!(bindings::SPB_PLAN_FIRST_PASS == Flags::FIRST_PASS);
    assert!(bindings::SPB_PLAN_NOFRAGMENT == Flags::NOFRAGMENT);
    assert!(bindings::SPB_PLAN_CMA_OK == Flags::CMA_OK);
    assert!(bindings::SPB_PLAN_CMA_FIRST == Flags::CMA_FIRST);
    assert!(bindings::SPB_PLAN_MUST == Flags::MUST);
    assert!(bindings::SPB_PLAN_NONBLOCK == Flags::NONBLOCK);
};

static OPS: bindings::spb_policy_ops = bindings::spb_policy_ops {
    zone_create: Some(zone_create),
    zone_destroy: Some(zone_destroy),
    add_block: Some(add_block),
    plan: Some(plan),
    advertise: Some(advertise),
    classify: Some(classify),
    contig_order: Some(contig_order),
    verify: Some(verify),
    tally: Some(tally),
};

/// The policy, for `spb_policy_register()`.
#[export]
pub extern "C" fn spb_rust_policy() -> *const bindings::spb_policy_ops {
    &OPS
}

/// Run `f` on the zone behind `handle`.
///
/// # Safety
///
/// `handle` came from [`zone_create`] and was not destroyed; the caller holds
/// the lock of its zone.
#[inline(always)]
unsafe fn with_zone<R>(handle: *mut Handle, f: impl FnOnce(&mut Zone<'_>) -> R) -> R {
    // SAFETY: the caller guarantees that the state is alive.
    let state = unsafe { &*handle.cast::<ZoneState>() };
    // SAFETY: the caller holds the lock; this is the only value made from it.
    let mut held = unsafe { ZoneLockHeld::new() };
    f(&mut state.lock(&mut held))
}

#[inline(always)]
fn block_id(n: u32) -> BlockId {
    BlockId(n as u16)
}

extern "C" fn zone_create(
    nr_blocks: u32,
    largest_order: u32,
    claim_order: u32,
    block_order: u32,
) -> *mut Handle {
    let geometry = Geometry {
        max_order: Order::new(largest_order),
        pageblock_order: Order::new(claim_order),
        block_order,
    };
    match ZoneState::new(nr_blocks as usize, geometry) {
        Ok(state) => KBox::into_raw(state).cast(),
        Err(_) => ptr::null_mut(),
    }
}

/// # Safety
///
/// `handle` came from [`zone_create`]; nobody uses it now or later.
unsafe extern "C" fn zone_destroy(handle: *mut Handle) {
    // SAFETY: the caller guarantees that this is the last use.
    drop(unsafe { KBox::from_raw(handle.cast::<ZoneState>()) });
}

/// # Safety
///
/// As for [`with_zone`].
unsafe extern "C" fn add_block(
    handle: *mut Handle,
    block: u32,
    present: u32,
    reserved: u32,
    complete: bool,
) -> u64 {
    // SAFETY: passed on to the caller.
    unsafe {
        with_zone(handle, |zone| {
            wire::level(zone.add_block(block_id(block), present, reserved, complete))
        })
    }
}

/// # Safety
///
/// As for [`with_zone`].
unsafe extern "C" fn plan(handle: *mut Handle, order: u32, migratetype: u32, flags: u32) -> u64 {
    let Some(ty) = Type::from_number(migratetype) else {
        return 0;
    };
    // SAFETY: passed on to the caller.
    unsafe {
        with_zone(handle, |zone| {
            let request = Request::new(Order::new(order), ty, Flags(flags), &zone.geometry());
            wire::plan(zone.plan(&request))
        })
    }
}

/// # Safety
///
/// As for [`with_zone`].
unsafe extern "C" fn advertise(
    handle: *mut Handle,
    block: u32,
    migratetype: u32,
    orders: u32,
    nr_pages: u32,
) -> u64 {
    let Some(ty) = Type::from_number(migratetype) else {
        return 0;
    };
    // SAFETY: passed on to the caller.
    unsafe {
        with_zone(handle, |zone| {
            wire::advert(zone.advertise(block_id(block), ty, orders as u16, nr_pages))
        })
    }
}

/// # Safety
///
/// As for [`with_zone`].
unsafe extern "C" fn classify(handle: *mut Handle, block: u32, nr_free: u32, nr_dirty: u32) -> u64 {
    // SAFETY: passed on to the caller.
    unsafe {
        with_zone(handle, |zone| {
            wire::level(zone.classify(block_id(block), nr_free, nr_dirty))
        })
    }
}

/// # Safety
///
/// `candidates` points to `nr` elements that nobody else uses.
unsafe extern "C" fn contig_order(candidates: *mut bindings::spb_candidate, nr: u32) -> u32 {
    // SAFETY: guaranteed by the caller.
    let candidates = unsafe { core::slice::from_raw_parts_mut(candidates, nr as usize) };
    // Those that may not be tried come last.
    candidates
        .sort_unstable_by_key(|c| (c.eligible == 0, contig::key(c.block, c.cost, c.failures)));
    candidates.partition_point(|c| c.eligible != 0) as u32
}

/// # Safety
///
/// As for [`with_zone`].
unsafe extern "C" fn verify(handle: *mut Handle) -> u32 {
    // SAFETY: passed on to the caller.
    unsafe { with_zone(handle, |zone| zone.verify()) }
}

/// # Safety
///
/// As for [`with_zone`]; `tally` is valid for a write.
unsafe extern "C" fn tally(handle: *mut Handle, tally: *mut bindings::spb_tally) {
    // SAFETY: passed on to the caller.
    let found = unsafe { with_zone(handle, |zone| zone.tally()) };
    let result = bindings::spb_tally {
        clean: found.clean,
        empty: found.empty,
        tainted: found.tainted,
        lost_clean: found.lost_clean,
        lost_tainted: found.lost_tainted,
        cma: found.cma,
        below_reserve: found.below_reserve,
    };
    // SAFETY: the caller guarantees that `tally` may be written.
    unsafe { tally.write(result) };
}
