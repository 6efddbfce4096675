// SPDX-License-Identifier: GPL-2.0-only

//! How many 1 GB pages does the kernel give among pages that are hard to move, or must not move?
//!
//! Movable memory everywhere is locked, in transparent huge pages, in 2 MB pages of hugetlb; some of it, anonymous
//! memory or a file, is pinned for good ([`pin`]), and then not any more. The file is on a disk if there is one.

mod pin;

use std::fs;
use std::fs::File;

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
use crate::sys::mounts;
use crate::sys::stat::Counters;
use crate::verify;
use crate::Result;
use pin::Access;
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
/// Files, and bytes in each: one of them is pinned.
const FILES: u64 = 4;
const FILE: usize = 8 << 20;
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

    let pin = Pin::new(in_the_way(filler.areas())?, Access::Write)?;
    protocol::test(
        "all_but_what_is_pinned",
        beside_pins(&mut walker, "anonymous"),
    );
    verify::report("while_pinned");
    drop(pin);
    let files = files()?;
    let pin = Pin::new(in_the_way(&files)?, Access::Read)?;
    protocol::test(
        "all_but_the_file_that_is_pinned",
        beside_pins(&mut walker, "file"),
    );
    verify::report("while_a_file_is_pinned");
    drop((pin, files));
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

/// Files whose contents are cached; some of them where a gigabyte could be a 1 GB page.
fn files() -> Result<Vec<Mapping>> {
    let directory = match mounts::mount_disk() {
        true => mounts::DISK,
        false => mounts::RAM,
    };
    let file = |number: u64| {
        let path = format!("{directory}/pinned{number}");
        fs::write(&path, vec![1; FILE])?;
        let file = File::options().read(true).write(true).open(path)?;
        file.sync_all()?;
        let area = Mapping::of_file(file, FILE)?;
        for at in (0..FILE).step_by(memory::page_bytes()) {
            area.peek(at);
        }
        Ok(area)
    };
    (0..FILES).map(file).collect()
}

/// One that lies in gigabytes that could be 1 GB pages.
fn in_the_way(areas: &[Mapping]) -> Result<&Mapping> {
    let gigabytes = gigabytes::list()?;
    let pages = BLOCK_BYTES / memory::page_bytes() as u64;
    let clean = |frame: &u64| {
        let around = |g: &&Gigabyte| g.start / pages == frame / pages;
        gigabytes
            .iter()
            .find(around)
            .is_some_and(|g| g.state == "clean")
    };
    for area in areas {
        if frames::frames(area)?.iter().all(clean) {
            return Ok(area);
        }
    }
    Err("nothing is in the way of a 1 GB page".into())
}

/// Asks for all 1 GB pages that were possible without pins, and gives them back.
fn beside_pins(walker: &mut Walker, pinned: &str) -> Result<()> {
    let before = request::before(walker)?;
    let possible = possible::possible(&before, measure::free_memory()?);
    let got = Size::Giga.request(possible)?.obtained;
    Size::Giga.request(0)?;
    protocol::metric(&format!("possible_without_{pinned}_pins"), possible);
    protocol::metric(&format!("obtained_beside_{pinned}_pins"), got);
    match got + PINNED_GB >= possible && got < possible {
        true => Ok(()),
        false => {
            Err(format!("{got} of {possible} pages beside pins in {PINNED_GB} at most").into())
        }
    }
}
