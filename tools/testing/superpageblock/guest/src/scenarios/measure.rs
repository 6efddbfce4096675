// SPDX-License-Identifier: GPL-2.0-only

//! Which numbers do the kernel's counters give about memory in use?

use std::fmt::Display;

use metrics::map::BlockUse;
use metrics::possible::Memory;

use crate::protocol;
use crate::sys::memory;
use crate::sys::stat::Counters;
use crate::sys::zoneinfo;
use crate::Result;

/// The ways pages are scanned for or stolen by reclaim; other counters of the prefix split these up.
const RECLAIMERS: [&str; 4] = ["kswapd", "direct", "khugepaged", "proactive"];

/// The per-node LRU sizes in vmstat, in pages.
const LRU: [&str; 7] = [
    "nr_inactive_anon",
    "nr_active_anon",
    "nr_inactive_file",
    "nr_active_file",
    "nr_unevictable",
    "nr_isolated_anon",
    "nr_isolated_file",
];

/// Memory that must survive a request for huge pages, in kilobytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live {
    /// Anonymous memory.
    pub(crate) anon: u64,
    /// Page cache and buffers.
    pub(crate) cache: u64,
    /// Swap in use.
    pub(crate) swap: u64,
    /// All memory.
    pub(crate) total: u64,
}

impl Live {
    /// Reads the sizes of now.
    pub(crate) fn now() -> Result<Self> {
        let memory = Counters::meminfo()?;
        Ok(Self {
            anon: memory.get("AnonPages"),
            cache: memory.get("Cached") + memory.get("Buffers"),
            swap: memory.get("SwapTotal") - memory.get("SwapFree"),
            total: memory.get("MemTotal"),
        })
    }
}

/// Pages in use that cannot move: all that the allocator manages, but free, LRU, hugetlb and per-CPU pages.
///
/// Cheap enough to sample; a walk differs by what changes meanwhile.
pub(crate) fn nonmovable_estimate() -> Result<u64> {
    let zones = zoneinfo::zones()?;
    let managed: u64 = zones.iter().map(|z| z.managed).sum();
    let free: u64 = zones.iter().map(|z| z.free + z.per_cpu).sum();
    let lru = Counters::vmstat()?.sum(&LRU);
    let hugetlb = Counters::meminfo()?.get("Hugetlb") * 1024 / memory::page_bytes() as u64;
    Ok(managed.saturating_sub(free + lru + hugetlb))
}

/// What the possible number of 1 GB pages depends on besides the blocks.
pub(crate) fn free_memory() -> Result<Memory> {
    let high: u64 = zoneinfo::zones()?.iter().map(|z| z.high).sum();
    Ok(Memory {
        page_bytes: memory::page_bytes() as u64,
        free_bytes: Counters::meminfo()?.get("MemFree") * 1024,
        high_watermark_bytes: bytes(high),
    })
}

/// Pages reclaim looked at.
pub(crate) fn scanned(events: &Counters) -> u64 {
    by_reclaimers(events, "pgscan_")
}

/// Pages reclaim freed.
pub(crate) fn reclaimed(events: &Counters) -> u64 {
    by_reclaimers(events, "pgsteal_")
}

/// `pages` in bytes.
pub(crate) fn bytes(pages: u64) -> u64 {
    pages * memory::page_bytes() as u64
}

/// `pages` in megabytes.
pub(crate) fn megabytes(pages: u64) -> u64 {
    bytes(pages) >> 20
}

fn by_reclaimers(events: &Counters, prefix: &str) -> u64 {
    let count = |who: &&str| events.get(&format!("{prefix}{who}"));
    RECLAIMERS.iter().map(count).sum()
}

/// Prints what memory holds, after `when`.
pub(crate) fn log_memory(when: impl Display) -> Result<()> {
    let memory = Counters::meminfo()?;
    protocol::log(format_args!(
        "{when}: free {} MB, anonymous {} MB, cache {} MB, slab {} MB, non-movable {} MB",
        memory.get("MemFree") >> 10,
        memory.get("AnonPages") >> 10,
        memory.get("Cached") >> 10,
        memory.get("Slab") >> 10,
        megabytes(nonmovable_estimate()?),
    ));
    Ok(())
}

/// Prints what each block with memory holds, in pages.
pub(crate) fn log_blocks(blocks: &[BlockUse]) {
    for (index, block) in blocks.iter().enumerate() {
        if block.present() == 0 {
            continue;
        }
        protocol::log(format_args!(
            "block {index} {}: free {}, movable {}, non-movable {}, reserved {}, hugetlb {}",
            block.symbol(),
            block.free,
            block.movable,
            block.nonmovable,
            block.reserved,
            block.hugetlb,
        ));
    }
}
