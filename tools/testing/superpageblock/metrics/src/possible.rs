// SPDX-License-Identifier: GPL-2.0-only

//! How many 1 GB pages could a perfect allocator hand out, and how far did non-movable memory spread?

use crate::map;
use crate::map::BlockUse;
use crate::map::BLOCK_BYTES;

/// What [`possible`] needs to know besides the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes in one page.
    pub page_bytes: u64,
    /// Free memory of all zones, in bytes.
    pub free_bytes: u64,
    /// Sum of the zones' high watermarks, in bytes.
    pub high_watermark_bytes: u64,
}

/// The number of 1 GB pages that free memory and the non-movable contents leave room for.
///
/// The smaller of two bounds: whole gigabytes free above the high watermarks, and complete blocks that
/// boot left alone and CMA does not own, minus those that non-movable memory needs once it has filled
/// the boot-reserved and the partial blocks.
pub fn possible(blocks: &[BlockUse], memory: Memory) -> u64 {
    let by_free = memory
        .free_bytes
        .saturating_sub(memory.high_watermark_bytes)
        / BLOCK_BYTES;
    let usable = blocks.iter().filter(|b| usable(b)).count() as u64;
    let overflow = map::nonmovable(blocks).saturating_sub(room(blocks));
    let needed = (overflow * memory.page_bytes).div_ceil(BLOCK_BYTES);
    by_free.min(usable.saturating_sub(needed))
}

/// Tainted complete blocks per gigabyte of non-movable memory at its peak.
///
/// `None` without any non-movable memory. 1.0 is perfect packing.
pub fn spread(tainted: u64, peak_nonmovable_bytes: u64) -> Option<f64> {
    let least = peak_nonmovable_bytes.div_ceil(BLOCK_BYTES);
    (least > 0).then(|| tainted as f64 / least as f64)
}

/// Whether the block may become a 1 GB page under perfect placement.
fn usable(block: &BlockUse) -> bool {
    block.complete && !block.cma && block.reserved == 0 && block.offline == 0
}

/// Pages that non-movable memory can use without costing a 1 GB page.
fn room(blocks: &[BlockUse]) -> u64 {
    let lost = |b: &&BlockUse| !b.cma && (!b.complete || b.reserved > 0);
    let pages = |b: &BlockUse| b.free + b.movable + b.nonmovable;
    blocks.iter().filter(lost).map(pages).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = BLOCK_BYTES;
    const PAGES: u64 = GB / 4096;

    fn memory(free_bytes: u64) -> Memory {
        Memory {
            page_bytes: 4096,
            free_bytes,
            high_watermark_bytes: 100 << 20,
        }
    }

    fn clean() -> BlockUse {
        BlockUse {
            free: PAGES,
            complete: true,
            ..BlockUse::default()
        }
    }

    fn with_nonmovable(pages: u64) -> BlockUse {
        BlockUse {
            free: PAGES - pages,
            nonmovable: pages,
            complete: true,
            ..BlockUse::default()
        }
    }

    #[test]
    fn free_memory_bounds_the_count() {
        assert_eq!(possible(&[clean(); 8], memory(3 * GB + (150 << 20))), 3);
        assert_eq!(possible(&[clean(); 8], memory(3 * GB + (50 << 20))), 2);
        assert_eq!(possible(&[clean(); 8], memory(10 << 20)), 0);
    }

    #[test]
    fn boot_reserved_and_cma_blocks_do_not_count() {
        let reserved = BlockUse {
            free: PAGES - 7,
            reserved: 7,
            ..clean()
        };
        let cma = BlockUse {
            cma: true,
            ..clean()
        };
        assert_eq!(possible(&[clean(), reserved, cma], memory(9 * GB)), 1);
    }

    #[test]
    fn scattered_non_movable_memory_needs_as_few_blocks_as_it_fills() {
        let blocks = [with_nonmovable(10); 4];
        assert_eq!(possible(&blocks, memory(9 * GB)), 3);
    }

    #[test]
    fn partial_and_boot_reserved_blocks_take_non_movable_memory_first() {
        let partial = BlockUse {
            complete: false,
            free: 40,
            ..BlockUse::default()
        };
        let mut blocks = [with_nonmovable(10); 5];
        blocks[4] = partial;
        assert_eq!(possible(&blocks, memory(9 * GB)), 4);
        blocks[4].free = 39;
        assert_eq!(possible(&blocks, memory(9 * GB)), 3);
    }

    #[test]
    fn a_cma_block_is_no_room_for_non_movable_memory() {
        let cma = BlockUse {
            cma: true,
            ..clean()
        };
        assert_eq!(possible(&[with_nonmovable(1), cma], memory(9 * GB)), 0);
    }

    #[test]
    fn spread_is_per_started_gigabyte() {
        assert_eq!(spread(6, 400 << 20), Some(6.0));
        assert_eq!(spread(6, GB + 1), Some(3.0));
        assert_eq!(spread(6, 0), None);
    }
}
