// SPDX-License-Identifier: GPL-2.0-only

//! Which pieces of memory can go offline and online one by one?

use std::path::Path;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::files;
use super::memory;
use super::process;
use super::ram::Range;
use crate::Result;

const DIR: &str = "/sys/devices/system/memory";
/// What happens to memory that is added.
const AUTO_ONLINE: &str = "/sys/devices/system/memory/auto_online_blocks";

/// Seconds after which an attempt to take memory offline is given up.
const PATIENCE_SECONDS: u32 = 20;
/// Longest time in which plugged memory shows up.
const ARRIVAL: Duration = Duration::from_secs(20);
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// What memory is used for when it goes online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Anything the kernel needs.
    Kernel,
    /// Pages that can move.
    Movable,
}

impl Use {
    fn word(self) -> &'static str {
        match self {
            Self::Kernel => "online_kernel",
            Self::Movable => "online_movable",
        }
    }
}

/// A hotplug memory block: the unit of `/sys/devices/system/memory`.
#[derive(Clone, Debug)]
pub(crate) struct MemoryBlock {
    dir: PathBuf,
    /// Its page frames.
    pub(crate) frames: Range,
}

impl MemoryBlock {
    /// Puts it to use; nothing happens if it is online already.
    pub(crate) fn online(&self, as_what: Use) -> Result<()> {
        files::write(self.dir.join("state"), as_what.word())
    }

    /// Moves what it holds away and takes it from the allocator; nothing happens if it is offline already.
    ///
    /// The kernel would try for ever to move a page that never moves. It gives up when a signal comes, and
    /// that is an error.
    pub(crate) fn offline(&self) -> Result<()> {
        if !self.is_online() {
            return Ok(());
        }
        let state = self.dir.join("state");
        process::interrupted_after(PATIENCE_SECONDS, || files::write(state, "offline"))
    }

    /// Whether the allocator has it, wholly or, while it is going offline, in part.
    pub(crate) fn is_online(&self) -> bool {
        files::read(self.dir.join("state")).is_ok_and(|state| state.trim() != "offline")
    }

    /// Node and zone that it is memory of, if it is online.
    pub(crate) fn place(&self) -> Result<Option<(u64, String)>> {
        if !self.is_online() {
            return Ok(None);
        }
        let zone = files::read(self.dir.join("valid_zones"))?;
        let node = self.node().ok_or("a memory block without a node")?;
        Ok(Some((node, zone.trim().to_string())))
    }

    fn node(&self) -> Option<u64> {
        let names = files::entries(&self.dir);
        let mut names = names.iter().filter_map(|path| path.file_name()?.to_str());
        names.find_map(|name| name.strip_prefix("node")?.parse().ok())
    }
}

/// Bytes in each of them.
pub(crate) fn bytes() -> Result<u64> {
    let text = files::read(Path::new(DIR).join("block_size_bytes"))?;
    Ok(u64::from_str_radix(text.trim(), 16)?)
}

/// Those whose frames are all in `range`, in address order.
pub(crate) fn within(range: Range) -> Result<Vec<MemoryBlock>> {
    let pages = bytes()? / memory::page_bytes() as u64;
    let mut blocks: Vec<MemoryBlock> = files::entries(DIR)
        .into_iter()
        .filter_map(|dir| block(dir, pages))
        .filter(|block| block.frames.intersect(range) == block.frames)
        .collect();
    blocks.sort_by_key(|block| block.frames.start);
    Ok(blocks)
}

/// Waits until all of `range` has been added, and returns it.
pub(crate) fn await_arrival(range: Range) -> Result<Vec<MemoryBlock>> {
    let deadline = Instant::now() + ARRIVAL;
    loop {
        let blocks = within(range)?;
        let pages: u64 = blocks.iter().map(|block| block.frames.pages()).sum();
        if pages == range.pages() {
            return Ok(blocks);
        }
        if Instant::now() > deadline {
            return Err(format!("{pages} of {} pages have arrived", range.pages()).into());
        }
        thread::sleep(PAUSE);
    }
}

/// Says what happens to memory that is added from now on; `None` leaves it offline.
pub(crate) fn auto_online(as_what: Option<Use>) -> Result<()> {
    files::write(AUTO_ONLINE, as_what.map_or("offline", Use::word))
}

/// `…/memory40` as block 40 of `pages` each.
fn block(dir: PathBuf, pages: u64) -> Option<MemoryBlock> {
    let name = dir.file_name()?.to_str()?;
    let number: u64 = name.strip_prefix("memory")?.parse().ok()?;
    let start = number * pages;
    Some(MemoryBlock {
        dir,
        frames: Range {
            start,
            end: start + pages,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_frames() {
        let found = block(Path::new(DIR).join("memory40"), 0x8000).expect("a block");
        assert_eq!(found.frames.start, 0x140000);
        assert_eq!(found.frames.end, 0x148000);
        assert!(block(Path::new(DIR).join("memory_failure"), 1).is_none());
    }
}
