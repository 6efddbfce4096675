// SPDX-License-Identifier: GPL-2.0-only

//! Do 1 GB pages come, work and go on an idle machine?

use crate::drain;
use crate::hugepages::Size;
use crate::pagemap::Walker;
use crate::protocol;
use crate::sys::memory::Mapping;
use crate::verify;
use crate::Result;

/// Times that all pages are taken and given back.
const ROUNDS: u32 = 2;
/// Gigabytes not asked for.
const MARGIN: u64 = 1;

/// `MAP_HUGE_1GB`: the binary logarithm of the page size, in the flags' upper bits.
const MAP_HUGE_1GB: libc::c_int = 30 << libc::MAP_HUGE_SHIFT;

/// Takes the idle gigabytes as huge pages, uses one, gives all back, and again.
pub(crate) fn run() -> Result<()> {
    if !Size::Giga.exists() {
        protocol::log("skipped: this CPU or kernel has no 1 GB pages");
        return Ok(());
    }
    let mut walker = Walker::new()?;
    drain::drain(&mut walker)?;
    let blocks = walker.walk()?;
    protocol::map("before", &metrics::map::render(&blocks));
    let idle = blocks.iter().filter(|b| b.candidate()).count() as u64;
    let count = idle.saturating_sub(MARGIN);
    protocol::log(format_args!("{idle} idle gigabytes, asking for {count}"));
    for round in 1..=ROUNDS {
        protocol::test(&format!("take_{round}"), take(count));
        verify::report(&format!("after_take_{round}"));
        if round == 1 {
            protocol::map("after", &metrics::map::render(&walker.walk()?));
        }
        if count > 0 {
            protocol::test(&format!("use_{round}"), use_one());
            verify::report(&format!("after_use_{round}"));
        }
        protocol::test(&format!("give_back_{round}"), take(0));
        verify::report(&format!("after_give_back_{round}"));
    }
    Ok(())
}

/// Sets the pool to exactly `count` pages.
fn take(count: u64) -> Result<()> {
    let got = Size::Giga.request(count)?;
    protocol::log(format_args!(
        "{} pages in {:.3} s",
        got.obtained, got.seconds
    ));
    if got.obtained == count {
        Ok(())
    } else {
        Err(format!("asked for {count} pages, got {}", got.obtained).into())
    }
}

/// Maps one page, writes to both ends, and sees the pool account for it.
fn use_one() -> Result<()> {
    let unused = Size::Giga.unused()?;
    let page = Mapping::new(1 << 30, libc::MAP_HUGETLB | MAP_HUGE_1GB)?;
    page.touch(0);
    page.touch((1 << 30) - 8);
    if page.peek((1 << 30) - 8) != (1 << 30) - 8 {
        return Err("the page does not hold what was written".into());
    }
    if Size::Giga.unused()? + 1 != unused {
        return Err("the pool does not show a page in use".into());
    }
    drop(page);
    if Size::Giga.unused()? != unused {
        return Err("the page did not return to the pool".into());
    }
    Ok(())
}
