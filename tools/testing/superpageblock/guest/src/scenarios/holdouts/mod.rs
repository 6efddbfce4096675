// SPDX-License-Identifier: GPL-2.0-only

//! How many 1 GB pages does the kernel give among pages that are hard to move, or must not move?
//!
//! Movable memory everywhere is locked, in transparent huge pages, in 2 MB pages of hugetlb; some of it is
//! pinned for good ([`pin`]), and then not any more.

mod pin;

use metrics::map::BLOCK_BYTES;
use metrics::possible;

use super::measure;
use super::request;
use super::run::ask;
use super::run::boot_state;
use crate::filler::Filler;
use crate::gigabytes;
use crate::gigabytes::Gigabyte;
use crate::hugepages::Size;
use crate::pagemap::Walker;
use crate::protocol;
use crate::sys::frames;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::stat::Counters;
use crate::verify;
use crate::Result;
use pin::Pin;

/// Percentage of memory that stays free when it is filled.
const FREE: u64 = 10;
/// One in so many parts of what filled memory stays, in all gigabytes.
const KEEP: usize = 4;
/// One in so many of these is locked.
const LOCK: usize = 2;
/// Bytes in transparent huge pages.
const HUGE: usize = 64 << 20;
/// 2 MB pages of hugetlb.
const HUGETLB: u64 = 16;
/// Gigabytes that the pinned pages may be in: they follow each other, but where they begin is anywhere.
const PINNED_GB: u64 = 2;

/// Puts hindrances into memory, asks for 1 GB pages, takes the worst away, and asks again.
pub(crate) fn run() -> Result<()> {
    let total = Counters::meminfo()?.get("MemTotal");
    protocol::metric("memtotal_kb", total);
    let mut walker = Walker::new()?;
    boot_state(&mut walker)?;

    let mut filler = Filler::default();
    filler.fill(total * FREE / 100, u64::MAX)?;
    filler.keep_every(KEEP);
    filler.lock_every(LOCK)?;
    let huge = transparent()?;
    Size::TwoMega.request(HUGETLB)?;

    let pin = Pin::new(in_the_way(&filler)?)?;
    protocol::test("all_but_what_is_pinned", beside_pins(&mut walker));
    verify::report("while_pinned");
    drop(pin);
    ask(&mut walker, measure::nonmovable_estimate()?)?;
    protocol::test("contents_kept", filler.check());
    drop(huge);
    protocol::ok("scenario");
    Ok(())
}

/// Memory in huge pages, if the kernel has some to give.
fn transparent() -> Result<Mapping> {
    let area = Mapping::new(HUGE, 0)?;
    area.advise(0, HUGE, libc::MADV_HUGEPAGE);
    (0..HUGE)
        .step_by(memory::page_bytes())
        .for_each(|at| area.touch(at));
    Ok(area)
}

/// A part that lies in gigabytes that could be 1 GB pages.
fn in_the_way(filler: &Filler) -> Result<&Mapping> {
    let gigabytes = gigabytes::list()?;
    let pages = BLOCK_BYTES / memory::page_bytes() as u64;
    let clean = |frame: &u64| {
        let around = |g: &&Gigabyte| g.start / pages == frame / pages;
        gigabytes
            .iter()
            .find(around)
            .is_some_and(|g| g.state == "clean")
    };
    for area in filler.areas() {
        if frames::frames(area)?.iter().all(clean) {
            return Ok(area);
        }
    }
    Err("nothing is in the way of a 1 GB page".into())
}

/// Asks for all 1 GB pages that were possible without pins, and gives them back.
fn beside_pins(walker: &mut Walker) -> Result<()> {
    let before = request::before(walker)?;
    let possible = possible::possible(&before, measure::free_memory()?);
    let got = Size::Giga.request(possible)?.obtained;
    Size::Giga.request(0)?;
    protocol::metric("possible_without_pins", possible);
    protocol::metric("obtained_beside_pins", got);
    match got + PINNED_GB >= possible && got < possible {
        true => Ok(()),
        false => {
            Err(format!("{got} of {possible} pages beside pins in {PINNED_GB} at most").into())
        }
    }
}
