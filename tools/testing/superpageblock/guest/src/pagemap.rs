// SPDX-License-Identifier: GPL-2.0-only

//! What does each gigabyte hold, by a walk over `/proc/kpageflags`?
//!
//! Only frames that are both in a zone and System RAM are looked at, as the kernel shows holes like pages
//! without flags. A page without any flag is a kernel buffer, sits on a per-CPU list, or is one of zsmalloc's, which
//! move; the flags do not tell which. [`crate::drain`] empties those lists before a walk that matters. The few pages
//! that they may have taken again since then, and as many as zsmalloc has, do not make a block tainted: it also needs
//! slab or page tables, or more pages without flags than that.

use std::fs::File;
use std::os::unix::fs::FileExt;

use metrics::map::BlockUse;
use metrics::map::BLOCK_BYTES;

use crate::sys::files;
use crate::sys::memory;
use crate::sys::ram;
use crate::sys::ram::Range;
use crate::sys::stat::Counters;
use crate::sys::zoneinfo;
use crate::Result;

/// Bits of `/proc/kpageflags`, from `include/uapi/linux/kernel-page-flags.h` and, from 32 up,
/// `include/linux/kernel-page-flags.h`.
pub(crate) mod kpf {
    pub(crate) const LRU: u64 = 1 << 5;
    pub(super) const SLAB: u64 = 1 << 7;
    pub(super) const BUDDY: u64 = 1 << 10;
    pub(crate) const ANON: u64 = 1 << 12;
    pub(crate) const SWAPBACKED: u64 = 1 << 14;
    pub(super) const HUGE: u64 = 1 << 17;
    pub(crate) const UNEVICTABLE: u64 = 1 << 18;
    pub(crate) const HWPOISON: u64 = 1 << 19;
    pub(super) const NOPAGE: u64 = 1 << 20;
    pub(super) const OFFLINE: u64 = 1 << 23;
    pub(super) const PGTABLE: u64 = 1 << 26;
    pub(super) const RESERVED: u64 = 1 << 32;
}

/// Frames read at once; a multiple of every page size's page of entries.
const CHUNK: u64 = 1 << 16;
/// Pages a per-CPU list takes at once, at most (`zone_batchsize()`).
const PER_CPU_BATCH: u64 = 63;
/// Bytes of one entry.
const ENTRY: u64 = 8;

/// Reads page flags, with everything it needs allocated beforehand so that a walk disturbs little.
pub(crate) struct Walker {
    flags: File,
    buffer: Vec<u8>,
    /// Memory of each zone.
    parts: Vec<Range>,
    cma: Vec<Range>,
    pages_per_block: u64,
}

/// A block as the flags of its pages show it.
struct Walked {
    block: BlockUse,
    /// Whether some page certainly cannot move.
    certain: bool,
}

impl Walked {
    /// Takes pages without flags for free ones on per-CPU lists if up to `cached` pages may be there, and for movable
    /// ones of zsmalloc if that has `compressed`.
    fn settle(mut self, cached: u64, compressed: u64) -> BlockUse {
        let unknown = self.block.nonmovable;
        if !self.certain && unknown <= cached + compressed {
            let movable = unknown.min(compressed);
            self.block.movable += movable;
            self.block.free += unknown - movable;
            self.block.nonmovable = 0;
        }
        self.block
    }
}

/// How a page counts in [`BlockUse`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Free,
    Reserved,
    Movable,
    Nonmovable,
    Hugetlb,
    Offline,
}

impl Walker {
    /// Opens `/proc/kpageflags` and learns where memory is.
    pub(crate) fn new() -> Result<Self> {
        let page_bytes = memory::page_bytes() as u64;
        let path = "/proc/kpageflags";
        Ok(Self {
            flags: File::open(path).map_err(|e| format!("open {path}: {e}"))?,
            buffer: vec![1; (CHUNK * ENTRY) as usize],
            parts: zone_memory(page_bytes)?,
            cma: cma_areas(),
            pages_per_block: BLOCK_BYTES / page_bytes,
        })
    }

    /// Walks all memory: one entry per gigabyte from address 0 to the last zone's end.
    pub(crate) fn walk(&mut self) -> Result<Vec<BlockUse>> {
        let end = self.parts.iter().map(|part| part.end).max().unwrap_or(0);
        let count = end.div_ceil(self.pages_per_block);
        let walked: Result<Vec<Walked>> = (0..count).map(|index| self.block(index)).collect();
        let cached = zoneinfo::per_cpu_pages()? + PER_CPU_BATCH * memory::processors();
        let compressed = Counters::vmstat()?.get("nr_zspages");
        let settled = walked?.into_iter().map(|w| w.settle(cached, compressed));
        Ok(settled.collect())
    }

    /// Finds up to `count` frames in `range` that are free.
    pub(crate) fn free_frames(&mut self, range: Range, count: usize) -> Result<Vec<u64>> {
        let mut found = Vec::new();
        self.scan(range, |frame, content, _| {
            if content == Content::Free && found.len() < count {
                found.push(frame);
            }
        })?;
        Ok(found)
    }

    /// The frames whose flags are `wanted`.
    pub(crate) fn frames_where(&mut self, wanted: impl Fn(u64) -> bool) -> Result<Vec<u64>> {
        let mut found = Vec::new();
        for part in self.parts.clone() {
            self.scan(part, |frame, _, flags| {
                if wanted(flags) {
                    found.push(frame);
                }
            })?;
        }
        Ok(found)
    }

    /// Tells whether all frames of `range` are memory of one zone.
    pub(crate) fn is_whole(&self, range: Range) -> bool {
        self.parts.iter().any(|part| part.intersect(range) == range)
    }

    /// Tells whether `range` certainly holds a page that cannot move.
    pub(crate) fn holds_pinned(&mut self, range: Range) -> Result<bool> {
        let mut pinned = false;
        self.scan(range, |_, content, flags| {
            pinned |= content == Content::Reserved || flags & (kpf::SLAB | kpf::PGTABLE) != 0;
        })?;
        Ok(pinned)
    }

    /// Tells whether all frames of `range` belong to hugetlb pages.
    pub(crate) fn is_hugetlb(&mut self, range: Range) -> Result<bool> {
        let mut all = true;
        self.scan(range, |_, content, _| all &= content == Content::Hugetlb)?;
        Ok(all)
    }

    /// Pages in one gigabyte.
    pub(crate) fn pages_per_block(&self) -> u64 {
        self.pages_per_block
    }

    fn block(&mut self, index: u64) -> Result<Walked> {
        let start = index * self.pages_per_block;
        let whole = Range {
            start,
            end: start + self.pages_per_block,
        };
        let overlaps = |area: &Range| area.intersect(whole).pages() > 0;
        let mut block = BlockUse {
            complete: self.is_whole(whole),
            cma: self.cma.iter().any(overlaps),
            ..BlockUse::default()
        };
        let mut certain = false;
        for part in self.parts.clone() {
            self.scan(part.intersect(whole), |_, content, flags| {
                *counter(&mut block, content) += 1;
                certain |= flags & (kpf::SLAB | kpf::PGTABLE) != 0;
            })?;
        }
        Ok(Walked { block, certain })
    }

    /// Calls `visit(frame, content, flags)` for the frames of `range`.
    fn scan(&mut self, range: Range, mut visit: impl FnMut(u64, Content, u64)) -> Result<()> {
        let mut frame = range.start;
        while frame < range.end {
            let count = CHUNK.min(range.end - frame);
            let bytes = &mut self.buffer[..(count * ENTRY) as usize];
            self.flags
                .read_exact_at(bytes, frame * ENTRY)
                .map_err(|e| format!("kpageflags at frame {frame}: {e}"))?;
            for entry in bytes.chunks_exact(ENTRY as usize) {
                let flags = entry.try_into().map_or(0, u64::from_ne_bytes);
                visit(frame, classify(flags), flags);
                frame += 1;
            }
        }
        Ok(())
    }
}

/// Anonymous pages count as movable even off the LRU: they wait in a per-CPU batch for getting there.
fn classify(flags: u64) -> Content {
    match flags {
        f if f & kpf::BUDDY != 0 => Content::Free,
        f if f & (kpf::RESERVED | kpf::NOPAGE) != 0 => Content::Reserved,
        f if f & kpf::HUGE != 0 => Content::Hugetlb,
        f if f & kpf::OFFLINE != 0 => Content::Offline,
        f if f & (kpf::SLAB | kpf::PGTABLE) != 0 => Content::Nonmovable,
        f if f & (kpf::LRU | kpf::ANON) != 0 => Content::Movable,
        _ => Content::Nonmovable,
    }
}

fn counter(block: &mut BlockUse, content: Content) -> &mut u64 {
    match content {
        Content::Free => &mut block.free,
        Content::Reserved => &mut block.reserved,
        Content::Movable => &mut block.movable,
        Content::Nonmovable => &mut block.nonmovable,
        Content::Hugetlb => &mut block.hugetlb,
        Content::Offline => &mut block.offline,
    }
}

/// System RAM cut by zones.
fn zone_memory(page_bytes: u64) -> Result<Vec<Range>> {
    let memory = ram::ranges(page_bytes)?;
    let mut parts = Vec::new();
    for zone in zoneinfo::zones()? {
        let cut = memory.iter().map(|range| range.intersect(zone.span()));
        parts.extend(cut.filter(|part| part.pages() > 0));
    }
    Ok(parts)
}

/// The CMA areas, from debugfs; none are known without `CONFIG_CMA_DEBUGFS`.
fn cma_areas() -> Vec<Range> {
    let area = |dir: std::path::PathBuf| {
        let start = files::read_number(dir.join("base_pfn")).ok()?;
        let pages = files::read_number(dir.join("count")).ok()?;
        Some(Range {
            start,
            end: start + pages,
        })
    };
    let dirs = files::entries("/sys/kernel/debug/cma");
    dirs.into_iter().filter_map(area).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_pages_without_flags_do_not_taint() {
        let walked = |nonmovable, certain| Walked {
            block: BlockUse {
                free: 10,
                nonmovable,
                ..BlockUse::default()
            },
            certain,
        };
        assert_eq!(walked(126, false).settle(126, 0).nonmovable, 0);
        assert_eq!(walked(126, false).settle(126, 0).free, 136);
        assert_eq!(walked(127, false).settle(126, 0).nonmovable, 127);
        assert_eq!(walked(1, true).settle(126, 0).nonmovable, 1);
    }

    #[test]
    fn pages_of_zsmalloc_move() {
        let walked = |certain| Walked {
            block: BlockUse {
                free: 10,
                nonmovable: 700,
                ..BlockUse::default()
            },
            certain,
        };
        let settled = walked(false).settle(100, 690);
        assert_eq!(
            (settled.movable, settled.free, settled.nonmovable),
            (690, 20, 0)
        );
        assert_eq!(walked(false).settle(100, 599).nonmovable, 700);
        assert_eq!(walked(true).settle(100, 690).nonmovable, 700);
    }

    #[test]
    fn flags_decide_content() {
        assert_eq!(classify(kpf::BUDDY), Content::Free);
        assert_eq!(classify(kpf::RESERVED), Content::Reserved);
        assert_eq!(classify(kpf::LRU | 1 << 3), Content::Movable);
        assert_eq!(classify(kpf::HUGE | kpf::LRU), Content::Hugetlb);
        assert_eq!(classify(kpf::PGTABLE | 1 << 11), Content::Nonmovable);
        assert_eq!(classify(kpf::SLAB), Content::Nonmovable);
        assert_eq!(classify(0), Content::Nonmovable);
    }
}
