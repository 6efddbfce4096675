// SPDX-License-Identifier: GPL-2.0-only

//! Is memory that vmalloc gives back freed in peace?
//!
//! With KASAN the shadow of purged areas is freed as well, deep inside the allocator's callers. Inserting
//! and removing a module takes and leaves such areas; they are purged when enough of them have gathered.

use crate::protocol;
use crate::sys::files;
use crate::sys::module;
use crate::verify;
use crate::Result;

/// Any module: what counts is the memory it takes.
const MODULE: &str = "page_zone_test";
/// Areas are purged from 32 MB per bit of the number of CPUs on (`lazy_max_pages()`); an insertion leaves
/// a tenth of a megabyte or more.
const MOST: u32 = 3000;
/// Purges to see.
const PURGES: u32 = 2;

/// Inserts and removes a module until the kernel has purged areas twice.
pub(crate) fn run() -> Result<()> {
    verify::report("at_start");
    protocol::test("areas_are_purged", until_purged());
    verify::report("at_end");
    Ok(())
}

fn until_purged() -> Result<()> {
    let (mut purges, mut before) = (0, unpurged()?);
    for round in 1..=MOST {
        module::load(format!("/lib/{MODULE}.ko"), "")?;
        module::unload(MODULE)?;
        let now = unpurged()?;
        // One insertion adds areas; only a purge takes many away.
        purges += u32::from(now + 10 < before);
        before = now;
        if purges == PURGES {
            protocol::metric("insertions", round);
            return Ok(());
        }
    }
    Err(format!("{purges} purges after {MOST} insertions, {before} areas wait").into())
}

/// Areas that were given back and are not purged yet.
fn unpurged() -> Result<usize> {
    let text = files::read("/proc/vmallocinfo")?;
    Ok(text
        .lines()
        .filter(|line| line.contains("unpurged"))
        .count())
}
