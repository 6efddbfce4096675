// SPDX-License-Identifier: GPL-2.0-only

//! Is everything whole after allocations failed wherever memory was taken and moved?
//!
//! Needs a kernel that can make allocations fail. Those of this process do, now and then: the targets that
//! pages are moved to when it asks for 1 GB pages, and kernel memory that would make the kernel make room.

use metrics::possible;

use super::measure;
use super::request;
use super::run::ask;
use super::run::boot_state;
use crate::filler::Filler;
use crate::hugepages::Size;
use crate::pagemap::Walker;
use crate::protocol;
use crate::sys::files;
use crate::sys::process;
use crate::sys::stat::Counters;
use crate::verify;
use crate::workload::pipes::Pipes;
use crate::Result;

const FAULTS: &str = "/sys/kernel/debug/fail_page_alloc";
const THIS_PROCESS: &str = "/proc/self/make-it-fail";
/// All page allocations of a process that says so count, whatever they could do to succeed.
const SETTINGS: [(&str, &str); 7] = [
    ("verbose", "0"),
    ("ignore-gfp-wait", "N"),
    ("ignore-gfp-highmem", "N"),
    ("min-order", "0"),
    ("interval", "1"),
    ("probability", "5"),
    ("task-filter", "Y"),
];
/// Failures there may be.
const MOST: u64 = 1 << 30;
/// Failures without which nothing was tested.
const LEAST: u64 = 100;
/// Percentage of memory that stays free when it is filled, and the part of what fills it that stays.
const FREE: u64 = 10;
const KEEP: usize = 4;
const ROUNDS: u64 = 3;
/// Pipes of 1 MB in each round.
const PIPES: u64 = 64;
const OPEN_FILES: u64 = 1 << 12;

/// Takes and moves memory while allocations fail, then while they do not.
pub(crate) fn run() -> Result<()> {
    let total = Counters::meminfo()?.get("MemTotal");
    protocol::metric("memtotal_kb", total);
    let mut walker = Walker::new()?;
    boot_state(&mut walker)?;
    process::allow_files(OPEN_FILES);
    for (name, value) in SETTINGS {
        files::write(format!("{FAULTS}/{name}"), value)?;
    }
    files::write(format!("{FAULTS}/times"), &MOST.to_string())?;

    let mut filler = Filler::default();
    filler.fill(total * FREE / 100, u64::MAX)?;
    filler.keep_every(KEEP);
    let before = request::before(&mut walker)?;
    let possible = possible::possible(&before, measure::free_memory()?);
    for round in 1..=ROUNDS {
        let got = take_and_move(possible)?;
        protocol::log(format_args!(
            "round {round}: {got} of {possible} 1 GB pages"
        ));
        verify::report(&format!("after_round_{round}"));
    }
    protocol::test("allocations_failed", enough());
    ask(&mut walker, measure::nonmovable_estimate()?)?;
    protocol::test("contents_kept", filler.check());
    protocol::ok("scenario");
    Ok(())
}

/// Asks for 1 GB pages and for kernel memory while allocations fail, and gives all back. Returns how many 1 GB
/// pages there were.
fn take_and_move(possible: u64) -> Result<u64> {
    files::write(THIS_PROCESS, "1")?;
    // What is refused does not matter, only what it leaves behind.
    let got = Size::Giga.request(possible).map(|got| got.obtained);
    let _ = Size::Giga.request(0);
    let mut pipes = Pipes::default();
    for _ in 0..PIPES {
        let _ = pipes.grow_large();
    }
    files::write(THIS_PROCESS, "0")?;
    Size::Giga.request(0)?;
    got
}

/// Whether more than a few allocations failed.
fn enough() -> Result<()> {
    let left = files::read_number(format!("{FAULTS}/times"))?;
    let failed = MOST - left;
    protocol::metric("failed_allocations", failed);
    match failed >= LEAST {
        true => Ok(()),
        false => Err(format!("only {failed}").into()),
    }
}
