// SPDX-License-Identifier: GPL-2.0-only

//! What does each gigabyte block hold, and which character shows it?

/// Bytes in one superpageblock.
///
/// `SPB_ORDER` is `30 - PAGE_SHIFT`: a block is 1 GB whatever the page size.
pub const BLOCK_BYTES: u64 = 1 << 30;

/// A tainted block is dense from this share of non-movable pages up: one in `DENSE_SHARE`.
const DENSE_SHARE: u64 = 8;

/// What one block holds, in pages.
///
/// The counts are disjoint: `free + reserved + movable + nonmovable + hugetlb + offline` is the
/// number of pages present in the block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockUse {
    /// Free pages on the buddy lists.
    pub free: u64,
    /// Pages kept by boot: kernel image, struct pages, firmware.
    pub reserved: u64,
    /// Allocated pages that can migrate: LRU pages of any kind.
    pub movable: u64,
    /// Allocated pages that cannot migrate: slab, page tables, kernel buffers.
    pub nonmovable: u64,
    /// Pages of hugetlb pages of any size.
    pub hugetlb: u64,
    /// Pages taken away by memory hotplug or a balloon.
    pub offline: u64,
    /// Whether the whole gigabyte is memory of one zone and thus can become a 1 GB page.
    pub complete: bool,
    /// Whether the block holds a CMA area.
    pub cma: bool,
}

impl BlockUse {
    /// Pages present in the block.
    pub fn present(&self) -> u64 {
        self.free + self.allocated() + self.reserved + self.hugetlb + self.offline
    }

    /// Pages that must move before the block can be a 1 GB page, movable or not.
    pub fn allocated(&self) -> u64 {
        self.movable + self.nonmovable
    }

    /// Tells whether a complete block holds non-movable or boot-reserved memory.
    pub fn tainted(&self) -> bool {
        self.complete && (self.nonmovable > 0 || self.reserved > 0)
    }

    /// Tells whether the block could be made a 1 GB page by migration alone.
    pub fn candidate(&self) -> bool {
        self.complete && !self.cma && !self.tainted() && self.hugetlb == 0 && self.offline == 0
    }

    /// The character that shows the block in a map; see [`LEGEND`].
    pub fn symbol(&self) -> char {
        let present = self.present();
        match self {
            _ if present == 0 => '_',
            b if !b.complete => 'p',
            b if b.hugetlb == present => 'H',
            b if b.cma => 'C',
            b if b.reserved > 0 => 'R',
            b if b.nonmovable * DENSE_SHARE >= present => '#',
            b if b.nonmovable > 0 => '+',
            b if b.free == present => '.',
            b if b.free * 2 >= present => '-',
            _ => 'm',
        }
    }
}

/// Every map character with its meaning, in the order a legend lists them.
pub const LEGEND: [(char, &str); 10] = [
    ('.', "empty"),
    ('-', "clean, mostly free"),
    ('m', "clean, mostly movable"),
    ('+', "tainted, sparse"),
    ('#', "tainted, dense (1/8 or more non-movable)"),
    ('R', "boot-reserved"),
    ('C', "CMA"),
    ('p', "partial"),
    ('H', "a 1 GB page, or full of smaller hugetlb pages"),
    ('_', "no memory"),
];

/// The map of `blocks`: one character per gigabyte in address order.
pub fn render(blocks: &[BlockUse]) -> String {
    blocks.iter().map(BlockUse::symbol).collect()
}

/// The number of tainted complete blocks, boot-reserved ones counted once.
pub fn tainted(blocks: &[BlockUse]) -> u64 {
    blocks.iter().filter(|b| b.tainted()).count() as u64
}

/// Non-movable pages in all blocks, partial ones included.
pub fn nonmovable(blocks: &[BlockUse]) -> u64 {
    blocks.iter().map(|b| b.nonmovable).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(free: u64, movable: u64, nonmovable: u64, reserved: u64) -> BlockUse {
        BlockUse {
            free,
            movable,
            nonmovable,
            reserved,
            complete: true,
            ..BlockUse::default()
        }
    }

    #[test]
    fn each_kind_of_block_has_its_own_symbol() {
        let hugetlb = BlockUse {
            hugetlb: 800,
            complete: true,
            ..BlockUse::default()
        };
        let partial = BlockUse {
            complete: false,
            ..block(800, 0, 0, 0)
        };
        let cma = BlockUse {
            cma: true,
            ..block(800, 0, 0, 0)
        };
        let blocks = [
            block(800, 0, 0, 0),
            block(500, 300, 0, 0),
            block(300, 500, 0, 0),
            block(799, 0, 1, 0),
            block(700, 0, 100, 0),
            block(799, 0, 0, 1),
            cma,
            partial,
            hugetlb,
            BlockUse::default(),
        ];
        let expected: String = LEGEND.iter().map(|(symbol, _)| symbol).collect();
        assert_eq!(render(&blocks), expected);
    }

    #[test]
    fn a_partial_block_is_never_tainted_nor_a_candidate() {
        let partial = BlockUse {
            complete: false,
            ..block(0, 0, 5, 5)
        };
        assert!(!partial.tainted());
        assert!(!partial.candidate());
        assert_eq!(nonmovable(&[partial]), 5);
    }

    #[test]
    fn reserved_and_non_movable_in_one_block_taint_it_once() {
        assert_eq!(tainted(&[block(1, 0, 5, 5), block(1, 0, 0, 5)]), 2);
    }
}
