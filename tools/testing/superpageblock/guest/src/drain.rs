// SPDX-License-Identifier: GPL-2.0-only

//! How are pages brought back from per-CPU lists without moving anything?

use std::path::Path;
use std::path::PathBuf;

use crate::pagemap::Walker;
use crate::sys::files;
use crate::sys::process;
use crate::sys::ram::Range;
use crate::sys::zoneinfo;
use crate::Result;

const STAT_REFRESH: &str = "/proc/sys/vm/stat_refresh";
const MEMORY: &str = "/sys/devices/system/memory";

/// Time for a request to offline memory, which is refused within milliseconds.
const PATIENCE_SECONDS: u32 = 10;

/// Refreshes after which a per-CPU list has decayed from its highest to its lowest size: it loses an
/// eighth each time (`decay_pcp_high()`).
const DECAY_STEPS: usize = 40;

/// Empties the per-CPU lists as far as the kernel lets user space do so.
///
/// Returns the pages left on them, which a walk would take for kernel memory. Statistics refreshes let
/// lists decay to their least size. A refused offline request empties them: memory offlining
/// drains the zone and the LRU batches before it looks at the memory, and memory that boot reserved
/// or slab uses is refused.
pub(crate) fn drain(walker: &mut Walker) -> Result<u64> {
    decay();
    for zone in zoneinfo::zones()? {
        if let Some(block) = pinned_block(walker, &zone.name)? {
            refused_offline(&block);
        }
    }
    zoneinfo::per_cpu_pages()
}

/// Lets the per-CPU lists decay and the vmstat deltas fold.
pub(crate) fn decay() {
    for _ in 0..DECAY_STEPS {
        // Absent without CONFIG_PROC_FS statistics; the count left over tells.
        let _ = files::write(STAT_REFRESH, "1");
    }
}

/// Asks for what must fail; should it succeed after all, the memory comes back.
///
/// What was to be in its way may have gone by now. Then the kernel goes on until the last page has moved, and some
/// never do: metadata that a journal holds. It gives up when a signal comes.
fn refused_offline(block: &Path) {
    let state = block.join("state");
    let offline = process::interrupted_after(PATIENCE_SECONDS, || files::write(&state, "offline"));
    if offline.is_ok() {
        let _ = files::write(&state, "online");
    }
}

/// A hotplug memory block of this zone whose offlining the kernel refuses for what it holds.
///
/// One with a hole would be refused too early: before the lists are drained.
fn pinned_block(walker: &mut Walker, zone: &str) -> Result<Option<PathBuf>> {
    for block in memory_blocks() {
        let one_zone = files::read(block.join("valid_zones")).is_ok_and(|z| z.trim() == zone);
        if !one_zone {
            continue;
        }
        let frames = frames(walker, &block)?;
        if walker.is_whole(frames) && walker.holds_pinned(frames)? {
            return Ok(Some(block));
        }
    }
    Ok(None)
}

/// The hotplug memory blocks, highest first: struct pages of a zone usually lie at its end.
pub(crate) fn memory_blocks() -> Vec<PathBuf> {
    let number = |path: &PathBuf| -> Option<u64> {
        path.file_name()?
            .to_str()?
            .strip_prefix("memory")?
            .parse()
            .ok()
    };
    let mut blocks = files::entries(MEMORY);
    blocks.retain(|path| number(path).is_some());
    blocks.sort_by_key(|path| std::cmp::Reverse(number(path)));
    blocks
}

/// The page frames of a hotplug memory block.
pub(crate) fn frames(walker: &Walker, block: &Path) -> Result<Range> {
    let hex =
        |path: PathBuf| -> Result<u64> { Ok(u64::from_str_radix(files::read(path)?.trim(), 16)?) };
    let bytes = hex(Path::new(MEMORY).join("block_size_bytes"))?;
    let pages = bytes * walker.pages_per_block() / metrics::map::BLOCK_BYTES;
    let start = hex(block.join("phys_index"))? * pages;
    Ok(Range {
        start,
        end: start + pages,
    })
}
