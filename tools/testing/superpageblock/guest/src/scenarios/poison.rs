// SPDX-License-Identifier: GPL-2.0-only

//! Do pages that fail leave the allocator, and do they come back when they are declared good again?
//!
//! Works where failures are simulated (`CONFIG_HWPOISON_INJECT`); a real one rules out the way back.

use std::path::Path;

use crate::drain;
use crate::pagemap::kpf;
use crate::pagemap::Walker;
use crate::protocol;
use crate::sys::files;
use crate::sys::frames;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::process;
use crate::sys::stat::Counters;
use crate::Result;

const DIR: &str = "/sys/kernel/debug/hwpoison";
const SOFT_OFFLINE: &str = "/sys/devices/system/memory/soft_offline_page";
/// Pages that fail together.
const PAGES: usize = 24;

/// Retires pages in use: what they hold moves elsewhere.
pub(crate) fn soft() -> Result<()> {
    process::run("soft offline", || {
        let area = area()?;
        let before = frames::frames(&area)?;
        retire(&area, libc::MADV_SOFT_OFFLINE, |index, at| {
            if area.peek(at) != at as u64 {
                return Err(format!("page {index} lost what it held").into());
            }
            Ok(())
        })?;
        let after = frames::frames(&area)?;
        if after.iter().any(|frame| before.contains(frame)) {
            return Err("a retired page is in use".into());
        }
        drop(area);
        restore(&before)
    })
}

/// Lets pages in use fail: what they hold is lost, their user is told.
pub(crate) fn hard() -> Result<()> {
    process::run("memory failure", || {
        // SAFETY: the handler only returns; this child has one thread and relies on no other one.
        unsafe { libc::signal(libc::SIGBUS, survive as *const () as libc::sighandler_t) };
        let area = area()?;
        let before = frames::frames(&area)?;
        retire(&area, libc::MADV_HWPOISON, |_, _| Ok(()))?;
        drop(area);
        restore(&before)
    })
}

/// Retires free pages in both ways and restores them.
pub(crate) fn free_pages(walker: &mut Walker) -> Result<()> {
    let found = free_frames(walker)?;
    let (soft, hard) = found.split_at(found.len() / 2);
    let corrupted = corrupted()?;
    for frame in soft {
        let address = frame * memory::page_bytes() as u64;
        files::write(SOFT_OFFLINE, &format!("{address:#x}"))?;
    }
    for frame in hard {
        files::write(Path::new(DIR).join("corrupt-pfn"), &frame.to_string())?;
    }
    grown_by(corrupted, found.len())?;
    restore(&found)
}

/// Declares all retired pages good.
pub(crate) fn restore_all(walker: &mut Walker) -> Result<()> {
    restore(&walker.frames_where(|flags| flags & kpf::HWPOISON != 0)?)
}

/// An area whose pages hold their own offset.
fn area() -> Result<Mapping> {
    let page = memory::page_bytes();
    let area = Mapping::new(PAGES * page, 0)?;
    area.advise(0, area.len(), libc::MADV_NOHUGEPAGE);
    (0..PAGES).for_each(|index| area.touch(index * page));
    Ok(area)
}

/// Gives `advice` page by page, then sees them counted and `check(index, offset)` content.
fn retire(
    area: &Mapping,
    advice: libc::c_int,
    check: impl Fn(usize, usize) -> Result<()>,
) -> Result<()> {
    let page = memory::page_bytes();
    let before = corrupted()?;
    for index in 0..PAGES {
        area.demand(index * page, page, advice)
            .map_err(|e| format!("page {index}: {e}"))?;
        check(index, index * page)?;
    }
    grown_by(before, PAGES)
}

/// Declares pages good, and sees them counted.
fn restore(frames: &[u64]) -> Result<()> {
    let file = Path::new(DIR).join("unpoison-pfn");
    if !file.exists() {
        protocol::log("skipped: no unpoison-pfn, retired pages stay away");
        return Ok(());
    }
    let before = corrupted()?;
    for frame in frames {
        files::write(&file, &frame.to_string())?;
    }
    let restored = before.saturating_sub(corrupted()?);
    if restored != frames.len() as u64 {
        return Err(format!("{restored} of {} pages were restored", frames.len()).into());
    }
    Ok(())
}

/// Free frames, one of each of some hotplug memory blocks, none of them the first page of its list entry.
fn free_frames(walker: &mut Walker) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    for block in drain::memory_blocks() {
        let range = drain::frames(walker, &block)?;
        found.extend(walker.free_frames(range, 4)?.pop());
        if found.len() == PAGES {
            break;
        }
    }
    match found.len() {
        0 => Err("no free page was found".into()),
        _ => Ok(found),
    }
}

fn grown_by(before: u64, pages: usize) -> Result<()> {
    let now = corrupted()?;
    if now != before + pages as u64 {
        return Err(format!("{before} corrupted pages and {pages} more make {now}").into());
    }
    Ok(())
}

/// Pages that the kernel counts as corrupted.
fn corrupted() -> Result<u64> {
    let kilobytes = Counters::meminfo()?.get("HardwareCorrupted");
    Ok(kilobytes * 1024 / memory::page_bytes() as u64)
}

extern "C" fn survive(_: libc::c_int) {}
