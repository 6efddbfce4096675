// SPDX-License-Identifier: GPL-2.0-only

//! Does memory survive suspend to disk, and only memory in use?
//!
//! - [`pattern`]: what the memory holds; [`hold`]: the ways of holding it;
//! - [`holder`]: a process that does;
//! - [`image`]: how large the image was.
//!
//! The host starts the guest a second time with the same disks and `resume=`; processes continue then.

mod hold;
mod holder;
mod image;
mod pattern;

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;

use super::kcore;
use crate::drain;
use crate::protocol;
use crate::sys::files;
use crate::sys::memory;
use crate::sys::stat::Counters;
use crate::sys::swap;
use crate::sys::zoneinfo;
use crate::verify;
use crate::Result;
use holder::Holder;

const SWAP: &str = "/dev/vda";
/// A disk whose start is this scenario's note, and whose rest lends its page cache.
const DATA: &str = "/dev/vdb";
const NOTE: &[u8; 16] = b"spb hibernated \n";
/// Kilobytes that may be missing after resuming.
const SLACK_KB: u64 = 32 << 10;

/// Fills memory, suspends to disk, and looks at everything after resuming.
pub(crate) fn run() -> Result<()> {
    let note = open_note()?;
    swap::make(SWAP)?;
    let mut holders = Holder::start_all(DATA)?;
    protocol::test("memory_before", verified(&mut holders));
    verify::report("before");
    drain::decay();
    let before = Counters::meminfo()?;
    let used = pages_in_use()?;
    files::write("/sys/power/disk", "shutdown")?;
    note.write_all_at(NOTE, 0)?;
    note.sync_all()?;
    protocol::metric("boot", "again");
    let outcome = files::write("/sys/power/state", "disk");
    let resumed = outcome.is_ok();
    protocol::test("suspends_and_resumes", outcome);
    if resumed {
        check(&mut holders, &before, used)?;
    }
    Ok(())
}

fn check(holders: &mut [Holder], before: &Counters, used: u64) -> Result<()> {
    protocol::test("memory_after", verified(holders));
    verify::report("after");
    kcore::report("after")?;
    let held = holder::pages();
    protocol::test("image_is_memory_in_use", image::check(held, used));
    drain::decay();
    protocol::test("free_memory_is_back", is_back(before));
    holders.iter_mut().for_each(Holder::end);
    verify::report("at_end");
    Ok(())
}

/// Opens the data disk, unless it says that this guest was suspended: then it should have resumed.
fn open_note() -> Result<File> {
    let named = |e: io::Error| format!("{DATA}: {e}; this needs disks for swap and data");
    let opened = OpenOptions::new().read(true).write(true).open(DATA);
    let file = opened.map_err(named)?;
    let mut note = [0; NOTE.len()];
    file.read_exact_at(&mut note, 0).map_err(named)?;
    if note == *NOTE {
        return Err("booted afresh instead of resuming".into());
    }
    Ok(file)
}

fn verified(holders: &mut [Holder]) -> Result<()> {
    holders.iter_mut().try_for_each(Holder::verify)
}

/// Pages that are not on free lists; those that never were the allocator's included.
fn pages_in_use() -> Result<u64> {
    Ok(zoneinfo::zones()?.iter().map(|z| z.present - z.free).sum())
}

/// Suspending may take caches, so free memory may have grown, but not by what processes hold.
fn is_back(before: &Counters) -> Result<()> {
    let after = Counters::meminfo()?;
    let (was, is) = (before.get("MemFree"), after.get("MemFree"));
    protocol::log(format_args!("free: {was} kB before, {is} kB after"));
    let held = holder::pages() * memory::page_bytes() as u64 / 1024;
    let most = before.get("MemTotal") - held;
    if is + SLACK_KB < was || is > most {
        return Err(
            format!("{was} kB free before, {is} kB after; at most {most} kB can be").into(),
        );
    }
    Ok(())
}
