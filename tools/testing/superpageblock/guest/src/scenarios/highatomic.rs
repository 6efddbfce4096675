// SPDX-License-Identifier: GPL-2.0-only

//! Is memory set aside for high-order atomic requests, used by them, and given back before others are refused?
//!
//! Needs a node of one zone that has no CPU, so that nothing else asks for its memory. All requests are for
//! that node alone: a [`Holder`] of pages runs it low, and out of memory, while the rest of the machine has
//! plenty and no process is killed. Nothing is set aside unless less is free than the low watermark; the
//! watermarks are put far apart, for room between them.

use super::holder::Holder;
use super::holder::ATOMIC;
use super::holder::FILLER;
use super::holder::PATIENT;
use super::totals;
use crate::gigabytes;
use crate::protocol;
use crate::sys::files;
use crate::sys::pagetypeinfo::TypeInfo;
use crate::sys::zoneinfo;
use crate::sys::zoneinfo::Zone;
use crate::verify;
use crate::Result;

/// The node without CPU.
const NODE: u64 = 1;
const SETTINGS: [(&str, &str); 3] = [
    // Watermarks do not rise by themselves.
    ("/proc/sys/vm/watermark_boost_factor", "0"),
    // From one to the next, in ten-thousandths of memory.
    ("/proc/sys/vm/watermark_scale_factor", "800"),
    // Per-CPU lists keep 250 pages, the least there is, and neither what is freed nor what is left.
    ("/proc/sys/vm/percpu_pagelist_high_fraction", "100000"),
];
/// Fillers that are given back from memory that was filled first: clean gigabytes, if there are any.
const HOLES: u64 = 8;
/// Atomic requests that are held: three pageblocks.
const HELD: u64 = 96;
const HELD_PAGES: u64 = HELD * ATOMIC.pages;
/// Name of the test, and atomic requests that stay: pageblocks in use and wholly free ones go different ways.
const GIVEN_BACK: [(&str, u64); 2] = [
    ("reserve_in_use_is_given_back", HELD / 2),
    ("unused_reserve_is_given_back", 0),
];
/// Pages of a pageblock of 2 MB.
const PAGEBLOCK_PAGES: u64 = 512;
/// Kilobytes that may stay away: slab of what ran, and per-CPU lists.
const TOLERANCE_KB: u64 = 24 << 10;

/// Makes the kernel set memory aside, use it, and give it back.
pub(crate) fn run() -> Result<()> {
    let free = totals::free_kb()?;
    totals::report("at_start");
    for (file, value) in SETTINGS {
        files::write(file, value)?;
    }
    let holder = Holder::insert(NODE)?;
    fill(&holder)?;
    set_aside(&holder)?;
    verify::report("with_reserve");
    for (name, kept) in GIVEN_BACK {
        protocol::test(name, give_back(&holder, kept));
        verify::report(&format!("after_{name}"));
    }
    protocol::test("holder_goes", holder.remove());
    protocol::test("all_free_again", totals::came_back(free, TOLERANCE_KB));
    totals::report("at_end");
    Ok(())
}

/// Fills the node until it has as much as half way from the low watermark to the least.
fn fill(holder: &Holder) -> Result<()> {
    let before = zone()?;
    let goal = (before.low + before.min) / 2;
    let count = before.free.saturating_sub(goal) / FILLER.pages;
    holder.hold(FILLER, count + HOLES)?;
    holder.hold(FILLER, count)?;
    let after = zone()?;
    protocol::log(format_args!(
        "filled from {} to {} free pages, watermarks {} and {}",
        before.free, after.free, after.min, after.low
    ));
    match (after.min..after.low).contains(&after.free) {
        true => Ok(()),
        false => Err("that is not between the watermarks".into()),
    }
}

/// Has atomic requests served, gives all back, and has as many served again.
fn set_aside(holder: &Holder) -> Result<()> {
    let clean = clean_blocks()?;
    holder.hold(ATOMIC, HELD)?;
    let made = reserve("made")?;
    protocol::test("reserve_is_made", at_least(made.reserved, HELD_PAGES));
    protocol::test("reserve_is_counted", counts_agree());
    protocol::test("reserve_taints_nothing", tainted_nothing(clean));
    holder.hold(ATOMIC, 0)?;
    let refilled = reserve("refilled")?;
    let refills = at_least(refilled.reserved_free, made.reserved_free + HELD_PAGES);
    protocol::test("reserve_refills", refills);
    protocol::test("reserve_is_counted_when_refilled", counts_agree());
    holder.hold(ATOMIC, HELD)?;
    let used = reserve("used")?;
    let uses = at_most(used.reserved_free + HELD_PAGES, refilled.reserved_free);
    protocol::test("reserve_is_used", uses);
    let grows = at_most(used.reserved, refilled.reserved);
    protocol::test("reserve_does_not_grow", grows);
    Ok(())
}

/// Exhausts the node while `kept` of the atomic requests are held. The request that fails at last is made for
/// as long as there is something to give back.
fn give_back(holder: &Holder, kept: u64) -> Result<()> {
    holder.hold(ATOMIC, HELD)?;
    holder.hold(ATOMIC, kept)?;
    let before = reserve("before the node is exhausted")?;
    at_least(before.reserved_free, (HELD - kept) * ATOMIC.pages)?;
    let served = holder.hold_at_most(PATIENT, before.managed)?;
    let after = reserve(&format!("after {served} requests"))?;
    let counted = counts_agree();
    holder.hold(PATIENT, 0)?;
    holder.hold(ATOMIC, 0)?;
    at_most(after.reserved_free, 0)?;
    // A pageblock without a free page stays what it is.
    let most = match kept {
        0 => 0,
        _ => before.reserved.saturating_sub(PAGEBLOCK_PAGES),
    };
    at_most(after.reserved, most)?;
    counted
}

/// The zone of the node.
fn zone() -> Result<Zone> {
    let mut zones = zoneinfo::zones()?;
    zones.retain(|zone| zone.node == NODE);
    match <[Zone; 1]>::try_from(zones) {
        Ok([zone]) => Ok(zone),
        Err(zones) => Err(format!("node {NODE} has {} zones, not one", zones.len()).into()),
    }
}

/// The zone again, with a remark on its reserve.
fn reserve(when: &str) -> Result<Zone> {
    let zone = zone()?;
    protocol::log(format_args!(
        "{when}: {} pages set aside, {} of them free; {} free in all",
        zone.reserved, zone.reserved_free, zone.free
    ));
    Ok(zone)
}

fn at_least(value: u64, least: u64) -> Result<()> {
    match value >= least {
        true => Ok(()),
        false => Err(format!("{value}, at least {least} was expected").into()),
    }
}

fn at_most(value: u64, most: u64) -> Result<()> {
    match value <= most {
        true => Ok(()),
        false => Err(format!("{value}, at most {most} was expected").into()),
    }
}

/// The zones' counts against lists and pageblock types.
fn counts_agree() -> Result<()> {
    let (info, zones) = (TypeInfo::read()?, zoneinfo::zones()?);
    let reserved: u64 = zones.iter().map(|zone| zone.reserved).sum();
    let typed = info.pageblocks(&["HighAtomic"]) * PAGEBLOCK_PAGES;
    if typed != reserved {
        return Err(format!("{reserved} pages are set aside, {typed} have the type").into());
    }
    let free: u64 = zones.iter().map(|zone| zone.reserved_free).sum();
    match info.pages_of("HighAtomic") {
        Some(listed) if listed != free => {
            Err(format!("{free} pages are free, {listed} are on lists").into())
        }
        _ => Ok(()),
    }
}

/// Fails if fewer blocks are clean than before, or none was.
fn tainted_nothing(before: Option<u64>) -> Result<()> {
    match (before, clean_blocks()?) {
        (Some(0), _) => Err("no block was clean to begin with".into()),
        (Some(before), Some(after)) => at_least(after, before),
        _ => Ok(()),
    }
}

/// Blocks that could be 1 GB pages; `None` without superpageblocks.
fn clean_blocks() -> Result<Option<u64>> {
    if !verify::patched() {
        return Ok(None);
    }
    let clean = gigabytes::list()?.into_iter().filter(|g| g.clean());
    Ok(Some(clean.count() as u64))
}
