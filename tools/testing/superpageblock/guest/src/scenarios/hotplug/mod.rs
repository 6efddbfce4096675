// SPDX-License-Identifier: GPL-2.0-only

//! Do the books stay right while memory modules come and go?
//!
//! Modules are smaller and larger than a gigabyte, so that gigabytes are cut by modules and by zones,
//! become complete and partial again. [`zone`]: memory for a zone or node that has none. [`virtio`]:
//! memory in small steps. [`bench`]: what they share; [`giga`]: 1 GB pages from such memory.

mod bench;
mod giga;
pub(super) mod virtio;
pub(super) mod zone;

use crate::filler::Filler;
use crate::host::Module;
use crate::protocol;
use crate::sys::memoryblocks;
use crate::sys::memoryblocks::Use;
use crate::sys::ram::Range;
use crate::sys::stat::Counters;
use crate::sys::zoneinfo;
use crate::Result;

use bench::Bench;
use bench::Direction;

/// Kilobytes left when memory is called full: room for the struct pages of what is plugged then.
const LEFT_KB: u64 = 160 << 10;
/// Percentage of a full zone that may be free.
const FULL: u64 = 10;

/// Goes through all steps.
pub(crate) fn run() -> Result<()> {
    let mut bench = Bench::new()?;
    let mut kernel = Vec::new();
    bench.step("half_a_gigabyte", |b| {
        kernel.push(b.add(512, 0, Use::Kernel, Direction::Up)?);
        Ok(())
    })?;
    bench.step("second_half_and_more", |b| {
        kernel.push(b.add(1024, 0, Use::Kernel, Direction::Up)?);
        Ok(())
    })?;
    let mut large = None;
    // From the top: the zone starts where its first complete gigabyte is, then grows downwards.
    bench.step("first_movable_memory", |b| {
        large = Some(b.add(2048, 0, Use::Movable, Direction::Down)?);
        Ok(())
    })?;
    bench.step("pages_of_new_gigabytes", Bench::take_gigabytes)?;
    let mut late = None;
    bench.step("memory_for_a_full_machine", |b| {
        late = Some(into_full(b)?);
        Ok(())
    })?;
    bench.step("pages_of_used_gigabytes", Bench::take_gigabytes)?;
    zones_share_a_gigabyte(&mut bench)?;
    if let Some(large) = large {
        out_and_in(&mut bench, &large)?;
    }
    if let Some(late) = late {
        bench.step("last_movable_memory_goes", |b| b.remove(&late))?;
    }
    bench.step("kernel_memory_may_go", |b| b.remove_if_unused(&kernel))
}

/// Fills memory, plugs a module in and fills that, too.
fn into_full(bench: &mut Bench) -> Result<Module> {
    let mut filler = Filler::default();
    filler.fill(LEFT_KB, u64::MAX)?;
    used_up()?;
    bench.check("with_full_memory");
    let module = bench.add(512, 0, Use::Movable, Direction::Up)?;
    bench.check("with_memory_added_when_full");
    filler.fill(LEFT_KB, u64::MAX)?;
    used_up()?;
    protocol::log(format_args!("filled {} MB", filler.bytes() >> 20));
    filler.check()?;
    Ok(module)
}

/// Fails if a zone of movable memory is not full.
fn used_up() -> Result<()> {
    for zone in zoneinfo::zones()?.iter().filter(|z| z.name == "Movable") {
        if zone.free * 100 > zone.managed * FULL {
            let (free, all) = (zone.free, zone.managed);
            return Err(format!("{free} of {all} movable pages are free in full memory").into());
        }
    }
    Ok(())
}

/// Gives half of a movable gigabyte to the kernel and takes it back; then only one piece goes and comes.
fn zones_share_a_gigabyte(bench: &mut Bench) -> Result<()> {
    let Some(gigabyte) = bench.gigabytes_of("Movable")?.first().copied() else {
        return Err("no gigabyte is wholly movable".into());
    };
    let half = Range {
        end: (gigabyte.start + gigabyte.end) / 2,
        ..gigabyte
    };
    bench.step("two_zones_in_a_gigabyte", |_| retype(half, Use::Kernel))?;
    bench.step("one_zone_again", |_| retype(half, Use::Movable))?;
    let Some(piece) = memoryblocks::within(gigabyte)?.into_iter().nth(3) else {
        return Err("a gigabyte has fewer than four memory blocks".into());
    };
    bench.step("a_piece_goes", |_| piece.offline())?;
    bench.step("a_piece_comes", |_| piece.online(Use::Movable))?;
    bench.step("pages_of_mended_gigabytes", Bench::take_gigabytes)
}

fn retype(range: Range, as_what: Use) -> Result<()> {
    let blocks = memoryblocks::within(range)?;
    blocks.iter().try_for_each(|block| block.offline())?;
    blocks.iter().try_for_each(|block| block.online(as_what))
}

/// Pulls a module out of the middle and plugs it in again, then once more under pressure.
fn out_and_in(bench: &mut Bench, module: &Module) -> Result<()> {
    bench.step("movable_memory_goes", |b| b.remove(module))?;
    let mut again = None;
    bench.step("movable_memory_comes", |b| {
        let new = b.add(module.bytes >> 20, 0, Use::Movable, Direction::Up)?;
        if new.address != module.address {
            return Err("the module went to another place".into());
        }
        again = Some(new);
        Ok(())
    })?;
    bench.step("pages_of_returned_gigabytes", Bench::take_gigabytes)?;
    let Some(again) = again else {
        return Ok(());
    };
    bench.step("memory_in_use_goes", |b| {
        let mut filler = Filler::default();
        let room = Counters::meminfo()?.get("MemAvailable") << 10;
        // All of the module's contents must find a place elsewhere.
        filler.fill(LEFT_KB, room.saturating_sub(module.bytes * 5 / 4))?;
        b.remove(&again)?;
        filler.check()
    })
}
