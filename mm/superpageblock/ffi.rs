// SPDX-License-Identifier: GPL-2.0-only

//! Which functions does C call? Those of `struct spb_policy_ops`.
//!
//! Hooks are called with zone->lock held and interrupts off: from them nothing
//! allocates, prints, sleeps or panics. Those with a zone see raw pointers here and
//! nowhere else.

use crate::policy::contig;
use crate::policy::evacuate;
use crate::policy::evacuate::Contents;
use crate::policy::evacuate::Occupancy;
use crate::policy::plan::Action;
use crate::policy::request::BeforeTaint;
use crate::policy::request::Flags;
use crate::policy::request::Request;
use crate::policy::units::BlockId;
use crate::policy::units::Geometry;
use crate::policy::units::Order;
use crate::policy::units::Type;
use crate::policy::units::ORDERS;
use crate::policy::wire;
use crate::state::Locked;
use crate::state::ZoneState;
use crate::worker::Worker;
use core::ffi::c_int;
use core::ptr::NonNull;
use kernel::bindings;
use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::types::ForeignOwnable;
use kernel::workqueue::Queue;

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
    assert!(bindings::SPB_PLAN_EMPTYING == Flags::EMPTYING);
    assert!(bindings::SPB_PLAN_TARGET == Flags::TARGET);
    assert!(bindings::SPB_ASK_WAITS == Flags::WAITS);
    assert!(bindings::SPB_ASK_IO == Flags::IO);
    assert!(bindings::SPB_ASK_URGENT == Flags::URGENT);
    assert!(bindings::SPB_MAKE_ROOM == wire::MAKE_ROOM);
    assert!(bindings::SPB_REFUSE == wire::REFUSE);
    assert!(bindings::SPB_LEVEL_LOW as u64 == wire::LEVEL_LOW);
    assert!(bindings::SPB_TAKE == Action::Take as u32);
    assert!(bindings::SPB_CLAIM_WHOLE == Action::ClaimWhole as u32);
    assert!(bindings::SPB_CLAIM_PART == Action::ClaimPart as u32);
    assert!(bindings::SPB_MAX_BLOCKS == BlockId::MAX_BLOCKS);
    assert!((bindings::MAX_PAGE_ORDER as usize) < ORDERS);
};

const LIMITS: bindings::spb_limits = {
    let limits = &evacuate::LIMITS;
    bindings::spb_limits {
        tries: limits.tries,
        sample: limits.sample,
        search: limits.search,
        stay: limits.stay,
        request_rest_ms: limits.request_rest_ms,
    }
};

static OPS: bindings::spb_policy_ops = bindings::spb_policy_ops {
    zone_bytes: Some(zone_bytes),
    zone_init: Some(zone_init),
    zone_move: Some(zone_move),
    set_block: Some(set_block),
    plan: Some(plan),
    advertise: Some(advertise),
    classify: Some(classify),
    withheld: Some(withheld),
    contig_rank: Some(contig_rank),
    evacuate_key: Some(evacuate_key),
    pageblock_key: Some(pageblock_key),
    before_taint: Some(before_taint),
    limits: LIMITS,
    worker_start: Some(worker_start),
    worker_kick: Some(worker_kick),
    worker_stop: Some(worker_stop),
    verify: Some(verify),
    tally: Some(tally),
};

/// The policy, for `spb_policy_register()`.
#[export]
pub(crate) extern "C" fn spb_rust_policy() -> *const bindings::spb_policy_ops {
    &OPS
}

/// The zone behind `handle`, for a hook.
///
/// # Safety
///
/// `handle` was set up by [`zone_init`]. The caller holds the lock of its zone
/// and uses no other value for it while this one lives.
#[inline(always)]
unsafe fn locked(handle: *mut Handle) -> Locked {
    // SAFETY: what was set up is not null. The rest is up to the caller.
    unsafe { Locked::new(NonNull::new_unchecked(handle.cast::<ZoneState>())) }
}

#[inline(always)]
fn block_id(n: u32) -> BlockId {
    BlockId(n as u16)
}

extern "C" fn zone_bytes(nr_blocks: u32) -> usize {
    ZoneState::bytes(nr_blocks)
}

/// # Safety
///
/// `handle` points to [`zone_bytes`] zeroed bytes that C leaves to us.
unsafe extern "C" fn zone_init(
    handle: *mut Handle,
    nr_blocks: u32,
    claim_order: u32,
    block_order: u32,
    kernel: bool,
) {
    let geometry = Geometry {
        pageblock_order: Order::new(claim_order),
        block_order,
    };
    let Some(state) = NonNull::new(handle.cast::<ZoneState>()) else {
        return;
    };
    // SAFETY: the variable is set before the policy starts and never after.
    let percent = unsafe { core::ptr::addr_of!(bindings::spb_reserve_percent).read() };
    // There is no reserve for what does not come.
    let reserve_percent = if kernel { percent } else { 0 };
    // SAFETY: guaranteed by the caller.
    unsafe { ZoneState::init(state, nr_blocks, geometry, reserve_percent) };
}

/// # Safety
///
/// `to` points to [`zone_bytes`] zeroed bytes that C leaves to us, `from` was set
/// up by [`zone_init`] for fewer blocks, and the lock of its zone is held.
unsafe extern "C" fn zone_move(to: *mut Handle, from: *const Handle, nr_blocks: u32) {
    let to = NonNull::new(to.cast::<ZoneState>());
    let from = NonNull::new(from.cast_mut().cast::<ZoneState>());
    let (Some(to), Some(from)) = (to, from) else {
        return;
    };
    // SAFETY: guaranteed by the caller.
    unsafe { ZoneState::move_to(from, to, nr_blocks) };
}

/// # Safety
///
/// As for [`locked`].
unsafe extern "C" fn set_block(
    handle: *mut Handle,
    block: u32,
    present: u32,
    reserved: u32,
    complete: bool,
) -> u64 {
    // SAFETY: passed on to the caller.
    let mut locked = unsafe { locked(handle) };
    let mut zone = locked.zone();
    wire::level(zone.set_block(block_id(block), present, reserved, complete))
}

/// # Safety
///
/// As for [`locked`].
unsafe extern "C" fn plan(handle: *mut Handle, order: u32, migratetype: u32, flags: u32) -> u64 {
    let Some(ty) = Type::from_number(migratetype) else {
        return 0;
    };
    // SAFETY: passed on to the caller.
    let mut locked = unsafe { locked(handle) };
    let zone = locked.zone();
    let request = Request::new(Order::new(order), ty, Flags(flags), &zone.geometry());
    wire::plan(zone.plan(&request))
}

/// # Safety
///
/// As for [`locked`].
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
    let mut locked = unsafe { locked(handle) };
    let mut zone = locked.zone();
    wire::advert(zone.advertise(block_id(block), ty, orders as u16, nr_pages))
}

/// # Safety
///
/// As for [`locked`].
unsafe extern "C" fn classify(handle: *mut Handle, block: u32, nr_free: u32, nr_dirty: u32) -> u64 {
    // SAFETY: passed on to the caller.
    let mut locked = unsafe { locked(handle) };
    let mut zone = locked.zone();
    let level = wire::level(zone.classify(block_id(block), nr_free, nr_dirty));
    if zone.is_low(block_id(block)) {
        level | wire::LEVEL_LOW
    } else {
        level
    }
}

/// # Safety
///
/// As for [`locked`].
unsafe extern "C" fn withheld(handle: *mut Handle) -> u64 {
    // SAFETY: passed on to the caller.
    let mut locked = unsafe { locked(handle) };
    locked.zone().withheld()
}

extern "C" fn contig_rank(cost: u32, failures: u32) -> u32 {
    contig::rank(cost, failures)
}

/// # Safety
///
/// `held` is valid for reads and nobody writes to it meanwhile.
unsafe extern "C" fn evacuate_key(block: u32, held: *const bindings::spb_occupancy) -> u64 {
    // SAFETY: guaranteed by the caller.
    let held = unsafe { held.read() };
    let held = Occupancy {
        in_use: held.in_use,
        sparse: held.sparse,
        pageblock: held.pageblock,
        failures: held.failures,
        lost: held.lost,
    };
    evacuate::key(block, &held).unwrap_or(u64::MAX)
}

/// # Safety
///
/// `held` is valid for reads and nobody writes to it meanwhile.
unsafe extern "C" fn pageblock_key(held: *const bindings::spb_contents) -> u32 {
    // SAFETY: guaranteed by the caller.
    let held = unsafe { held.read() };
    let held = Contents {
        movable: held.movable,
        others: held.others,
        pageblock: held.pageblock,
    };
    evacuate::pageblock_key(&held).unwrap_or(u32::MAX)
}

extern "C" fn before_taint(order: u32, flags: u32) -> u32 {
    wire::before_taint(BeforeTaint::of(Order::new(order), Flags(flags)))
}

/// # Safety
///
/// `node` is the number of a node that may exist, and `zone` that of a place it has for a
/// zone. `queue` is never destroyed, and its items run in process context.
unsafe extern "C" fn worker_start(
    node: c_int,
    zone: u32,
    queue: *mut bindings::workqueue_struct,
) -> *mut bindings::spb_worker {
    // SAFETY: guaranteed by the caller.
    let queue = unsafe { Queue::from_raw(queue) };
    // SAFETY: guaranteed by the caller.
    match unsafe { Worker::new(node, zone, queue) } {
        Ok(worker) => worker.into_foreign().cast(),
        Err(_) => core::ptr::null_mut(),
    }
}

/// # Safety
///
/// `worker` came from [`worker_start`], and [`worker_stop`] is not called for it before
/// this returns.
unsafe extern "C" fn worker_kick(worker: *mut bindings::spb_worker) {
    // SAFETY: guaranteed by the caller.
    let worker = unsafe { <Arc<Worker> as ForeignOwnable>::borrow(worker.cast()) };
    Worker::kick(&worker.into());
}

/// # Safety
///
/// `worker` came from [`worker_start`], and nobody else uses it from now on.
unsafe extern "C" fn worker_stop(worker: *mut bindings::spb_worker) {
    // SAFETY: guaranteed by the caller.
    let worker = unsafe { <Arc<Worker> as ForeignOwnable>::from_foreign(worker.cast()) };
    Worker::stop(&worker);
}

/// # Safety
///
/// As for [`locked`].
unsafe extern "C" fn verify(handle: *mut Handle) -> u32 {
    // SAFETY: passed on to the caller.
    let mut locked = unsafe { locked(handle) };
    locked.zone().verify()
}

/// # Safety
///
/// As for [`locked`]; `tally` is valid for a write.
unsafe extern "C" fn tally(handle: *mut Handle, tally: *mut bindings::spb_tally) {
    // SAFETY: passed on to the caller.
    let mut locked = unsafe { locked(handle) };
    let found = locked.zone().tally();
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
