// SPDX-License-Identifier: GPL-2.0-only

//! Does btrfs metadata lie in movable pageblocks, and does it move?
//!
//! Needs a disk with btrfs on it. Metadata is read back after a remount, by searching the trees: nothing
//! else is cached then, neither file contents nor inodes, so that what is added is metadata.

mod search;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use super::offline;
use super::totals;
use crate::drain;
use crate::pagemap::kpf;
use crate::pagemap::Walker;
use crate::protocol;
use crate::sys::files;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::mounts;
use crate::sys::pagetypeinfo::TypeInfo;
use crate::sys::power;
use crate::sys::process;
use crate::sys::ram::Range;
use crate::sys::stat::Counters;
use crate::verify;
use crate::Result;

/// Files, and the bytes of each: so few that btrfs keeps them inside its trees.
const FILES: u64 = 8000;
const BYTES: usize = 2000;
const FILES_PER_DIRECTORY: u64 = 250;
/// Pages of metadata that make the test meaningful.
const LEAST: usize = 4096;
/// Pages of a pageblock of 2 MB.
const PAGEBLOCK_PAGES: usize = 512;
/// Bytes of other memory between the roots and the rest, on stock: two hotplug memory blocks.
const APART: usize = 256 << 20;
/// Percentage of metadata that may go instead of moving: nodes that were in use just then.
const LOST: usize = 10;
/// Hotplug memory blocks tried.
const ATTEMPTS: usize = 6;
/// Seconds that the kernel has for a memory block: nearly all metadata may be in one.
const PATIENCE: u32 = 60;

/// Makes files, reads their metadata back, and takes the memory away that it lies in.
pub(crate) fn run() -> Result<()> {
    let mut walker = Walker::new()?;
    mount()?;
    process::run("making files", make_files)?;
    remount()?;
    totals::report("at_start");

    let empty = metadata(&mut walker)?;
    let types = kernel_pageblocks()?;
    let items = read()?;
    let frames = new_frames(&mut walker, &empty)?;
    let grown = kernel_pageblocks()?.saturating_sub(types) as usize;
    protocol::metric("metadata_items", items);
    protocol::metric("metadata_pages", frames.len());
    protocol::metric("kernel_pageblocks_added", grown);
    protocol::test("metadata_is_cached", cached(frames.len()));
    protocol::test(
        "metadata_is_in_movable_pageblocks",
        movable(frames.len(), grown),
    );
    verify::report("with_metadata");

    protocol::test("metadata_moves", moves(&mut walker, &empty, &frames));
    verify::report("after_moving");
    protocol::test(
        "metadata_is_intact",
        same(items, search::items(mounts::DISK)?),
    );
    mounts::unmount_disk()?;
    totals::report("at_end");
    Ok(())
}

fn mount() -> Result<()> {
    mounts::require_disk("btrfs")
}

/// Forgets everything that is cached.
fn remount() -> Result<()> {
    power::write_back();
    mounts::unmount_disk().map_err(|e| format!("unmounting the disk: {e}"))?;
    mount()
}

/// Reads all metadata; returns the number of its items.
///
/// The roots of the trees came into memory with the mount. They stay in use and cannot move until it
/// ends. Stock has them in movable memory: there they must not share a hotplug memory block with the rest.
fn read() -> Result<u64> {
    let _between = match verify::patched() {
        true => None,
        false => Some(other_memory()?),
    };
    search::items(mounts::DISK)
}

fn other_memory() -> Result<Mapping> {
    let between = Mapping::new(APART, 0)?;
    between.advise(0, APART, libc::MADV_NOHUGEPAGE);
    (0..APART)
        .step_by(memory::page_bytes())
        .for_each(|at| between.touch(at));
    Ok(between)
}

fn make_files() -> Result<()> {
    let content = [b'm'; BYTES];
    for number in 0..FILES {
        let directory = Path::new(mounts::DISK).join((number / FILES_PER_DIRECTORY).to_string());
        if number % FILES_PER_DIRECTORY == 0 {
            fs::create_dir(&directory)?;
        }
        fs::write(directory.join(number.to_string()), content)?;
    }
    Ok(())
}

/// Frames of file pages on a disk; metadata that has moved looks like any other of them.
fn metadata(walker: &mut Walker) -> Result<BTreeSet<u64>> {
    let others = kpf::ANON | kpf::SWAPBACKED | kpf::UNEVICTABLE;
    let frames = walker.frames_where(|flags| flags & (kpf::LRU | others) == kpf::LRU)?;
    Ok(frames.into_iter().collect())
}

fn new_frames(walker: &mut Walker, before: &BTreeSet<u64>) -> Result<BTreeSet<u64>> {
    // Pages wait in per-CPU batches for getting on the LRU.
    drain::drain(walker)?;
    Ok(metadata(walker)?.difference(before).copied().collect())
}

fn kernel_pageblocks() -> Result<u64> {
    Ok(TypeInfo::read()?.pageblocks(&["Unmovable", "Reclaimable"]))
}

fn cached(pages: usize) -> Result<()> {
    match pages >= LEAST {
        true => Ok(()),
        false => Err(format!("{pages} pages of metadata, {LEAST} were expected").into()),
    }
}

/// Pageblocks for kernel memory may be added for what describes the metadata, but not for itself.
fn movable(pages: usize, added: usize) -> Result<()> {
    let needed = pages / PAGEBLOCK_PAGES;
    if added * 2 > needed {
        return Err(format!("{added} pageblocks became kernel memory, {needed} would do").into());
    }
    Ok(())
}

/// Takes a hotplug memory block full of metadata away: it must be elsewhere then.
fn moves(walker: &mut Walker, empty: &BTreeSet<u64>, frames: &BTreeSet<u64>) -> Result<()> {
    for (block, range, inside) in most_metadata(walker, frames)? {
        let events = Counters::vmstat()?;
        if !offline::go_offline_within(PATIENCE, &block) {
            protocol::log(format_args!("{} is refused", block.display()));
            continue;
        }
        let now = metadata(walker)?.difference(empty).copied().collect();
        let moved = Counters::vmstat()?.since(&events).get("pgmigrate_success");
        files::write(block.join("state"), "online")?;
        protocol::log(format_args!(
            "{}: {inside} pages of metadata, {moved} pages moved",
            block.display()
        ));
        return kept(frames, &now, range, inside);
    }
    Err("no memory block with metadata could be taken".into())
}

/// Hotplug memory blocks, their frames and pages of metadata, most first.
fn most_metadata(walker: &Walker, frames: &BTreeSet<u64>) -> Result<Vec<(PathBuf, Range, usize)>> {
    let mut found = Vec::new();
    for block in drain::memory_blocks() {
        let range = drain::frames(walker, &block)?;
        let inside = frames.range(range.start..range.end).count();
        if inside >= PAGEBLOCK_PAGES {
            found.push((block, range, inside));
        }
    }
    found.sort_by_key(|(_, _, inside)| std::cmp::Reverse(*inside));
    found.truncate(ATTEMPTS);
    Ok(found)
}

/// Nothing may be left in `range`, and little may be lost.
fn kept(before: &BTreeSet<u64>, now: &BTreeSet<u64>, range: Range, inside: usize) -> Result<()> {
    let stayed = now.range(range.start..range.end).count();
    if stayed > 0 {
        return Err(format!("{stayed} pages stayed in memory that is offline").into());
    }
    let lost = before.len().saturating_sub(now.len());
    if lost * 100 > inside * LOST {
        return Err(format!("{lost} of {inside} pages of metadata went, they did not move").into());
    }
    Ok(())
}

fn same(before: u64, now: u64) -> Result<()> {
    match before == now {
        true => Ok(()),
        false => Err(format!("{before} items before, {now} now").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_must_leave_and_must_not_be_dropped() {
        let range = Range {
            start: 100,
            end: 200,
        };
        let before: BTreeSet<u64> = (90..200).collect();
        let moved: BTreeSet<u64> = (90..100).chain(500..600).collect();
        let dropped: BTreeSet<u64> = (90..100).chain(500..550).collect();
        assert!(kept(&before, &moved, range, 100).is_ok());
        assert!(kept(&before, &dropped, range, 100).is_err());
        assert!(kept(&before, &before, range, 100).is_err());
    }

    #[test]
    fn metadata_in_kernel_pageblocks_shows_in_their_number() {
        assert!(movable(16 * PAGEBLOCK_PAGES, 16).is_err());
        assert!(movable(16 * PAGEBLOCK_PAGES, 3).is_ok());
    }
}
