// SPDX-License-Identifier: GPL-2.0-only

//! Do all readers of the free lists agree?

use std::path::Path;

use super::offline;
use super::showmem;
use crate::drain;
use crate::pagemap::Walker;
use crate::protocol;
use crate::sys::buddyinfo;
use crate::sys::files;
use crate::sys::pagetypeinfo::TypeInfo;
use crate::sys::zoneinfo;
use crate::verify;
use crate::Result;

/// Pages by which two readers may differ: each looks at another moment, and CPUs keep small deltas.
const SLACK: u64 = 4096;

/// Runs every reader, then everything that takes memory off the lists.
pub(crate) fn run() -> Result<()> {
    let mut walker = Walker::new()?;
    drain::drain(&mut walker)?;
    protocol::test("buddyinfo_agrees", agrees("buddyinfo", buddyinfo::pages()?));
    match TypeInfo::read()?.pages() {
        Some(pages) => protocol::test("pagetypeinfo_agrees", agrees("pagetypeinfo", pages)),
        None => protocol::log("skipped: pagetypeinfo cut off its counts"),
    }
    protocol::test("kpageflags_agrees", walk_agrees(&mut walker));
    verify::report("after_reading");
    showmem::run()?;
    verify::report("after_sysrq_m");
    for name in ["extfrag_index", "unusable_index"] {
        read_optional(&format!("/sys/kernel/debug/extfrag/{name}"));
    }
    compact();
    offline::run(&mut walker)?;
    protocol::test(
        "buddyinfo_agrees_at_end",
        agrees("buddyinfo", buddyinfo::pages()?),
    );
    verify::report("at_end");
    Ok(())
}

/// Compares a sum of free pages with the zones' own counts.
fn agrees(reader: &str, pages: u64) -> Result<()> {
    let free: u64 = zoneinfo::zones()?.iter().map(|z| z.free).sum();
    if pages.abs_diff(free) > SLACK {
        return Err(format!("{reader} sums up to {pages} pages, zones count {free}").into());
    }
    Ok(())
}

fn walk_agrees(walker: &mut Walker) -> Result<()> {
    let free = walker.walk()?.iter().map(|b| b.free).sum();
    agrees("kpageflags", free)
}

fn read_optional(path: &str) {
    if !Path::new(path).exists() {
        protocol::log(format_args!("skipped: no {path}"));
        return;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    protocol::test(&format!("reads_{name}"), files::read(path).map(|_| ()));
}

fn compact() {
    let path = "/proc/sys/vm/compact_memory";
    if Path::new(path).exists() {
        protocol::test("compact_memory", files::write(path, "1"));
        verify::report("after_compact_memory");
    } else {
        protocol::log("skipped: no compaction");
    }
}
