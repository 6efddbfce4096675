// SPDX-License-Identifier: GPL-2.0-only
//! What happened in the windows of each row?

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::cache::Cache;
use crate::cache::LINE_SHIFT;
use crate::mark::Mark;

/// First level: 32 KiB in sets of eight, as Intel's cores had from Nehalem to Skylake and AMD's have since Zen.
const FIRST: (u64, usize) = (32 << 10, 8);
/// Last level: 2 MiB in sets of sixteen, about what one core of a server has of it.
const LAST: (u64, usize) = (2 << 20, 16);

/// Instructions without a branch among them, as QEMU translated them.
struct Block {
    address: u64,
    instructions: u64,
}

/// What happened in the windows of one kind of a row.
#[derive(Default)]
struct Slot {
    instructions: u64,
    accesses: u64,
    first: u64,
    last: u64,
    /// How often each block was entered, by its number.
    entries: Vec<u64>,
}

/// Everything that is counted.
pub struct Counts {
    first: Cache,
    last: Cache,
    blocks: Vec<Block>,
    row: u32,
    slots: BTreeMap<(u32, u8), Slot>,
    /// The slot of the window that is open.
    open: Option<(u32, u8)>,
}

impl Counts {
    /// Nothing yet, in front of empty caches.
    pub fn new() -> Self {
        Self {
            first: Cache::new(FIRST.0, FIRST.1),
            last: Cache::new(LAST.0, LAST.1),
            blocks: Vec::new(),
            row: 0,
            slots: BTreeMap::new(),
            open: None,
        }
    }

    /// A block was translated; returns its number.
    pub fn translated(&mut self, address: u64, instructions: u64) -> usize {
        self.blocks.push(Block {
            address,
            instructions,
        });
        self.blocks.len() - 1
    }

    /// The guest marked something. Returns whether a window is open now.
    pub fn marked(&mut self, mark: Mark) -> bool {
        match mark {
            Mark::Row => self.row += 1,
            Mark::Begin(kind) => self.open = Some((self.row, kind)),
            Mark::End => self.open = None,
        }
        self.open.is_some()
    }

    /// A block is entered, in a window.
    pub fn entered(&mut self, block: usize) {
        let Some(key) = self.open else { return };
        let slot = self.slots.entry(key).or_default();
        slot.instructions += self.blocks[block].instructions;
        if slot.entries.len() <= block {
            slot.entries.resize(block + 1, 0);
        }
        slot.entries[block] += 1;
    }

    /// Data is read or written, in a window; `address` is physical.
    pub fn accessed(&mut self, address: u64) {
        let Some(key) = self.open else { return };
        let line = address >> LINE_SHIFT;
        let first = self.first.misses(line);
        let last = first && self.last.misses(line);
        let slot = self.slots.entry(key).or_default();
        slot.accesses += 1;
        slot.first += u64::from(first);
        slot.last += u64::from(last);
    }

    /// Lines `slot ROW KIND INSTRUCTIONS ACCESSES FIRST LAST`, the last two being misses, each followed by lines
    /// `block ADDRESS INSTRUCTIONS ENTRIES`, where instructions are those of all entries.
    pub fn report(&self) -> String {
        let mut text = String::new();
        for ((row, kind), slot) in &self.slots {
            let Slot {
                instructions,
                accesses,
                first,
                last,
                entries,
            } = slot;
            let _ = writeln!(
                text,
                "slot {row} {kind} {instructions} {accesses} {first} {last}"
            );
            for (address, (instructions, entries)) in self.by_address(entries) {
                let _ = writeln!(text, "block {address:x} {instructions} {entries}");
            }
        }
        text
    }

    /// Blocks are translated more than once.
    fn by_address(&self, entries: &[u64]) -> BTreeMap<u64, (u64, u64)> {
        let mut sums = BTreeMap::new();
        for (block, &entries) in self.blocks.iter().zip(entries) {
            if entries > 0 {
                let sum: &mut (u64, u64) = sums.entry(block.address).or_default();
                sum.0 += entries * block.instructions;
                sum.1 += entries;
            }
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_windows_count() {
        let mut counts = Counts::new();
        let block = counts.translated(0x1000, 5);
        counts.entered(block);
        assert!(!counts.marked(Mark::Row));
        assert!(counts.marked(Mark::Begin(2)));
        counts.entered(block);
        counts.accessed(64);
        counts.accessed(65);
        assert!(!counts.marked(Mark::End));
        counts.accessed(64);
        assert_eq!(counts.report(), "slot 1 2 5 2 1 1\nblock 1000 5 1\n");
    }

    #[test]
    fn windows_of_a_kind_add_up_within_a_row() {
        let mut counts = Counts::new();
        let (block, again) = (counts.translated(0x10, 2), counts.translated(0x10, 2));
        for row in [block, again] {
            counts.marked(Mark::Row);
            for _ in 0..2 {
                counts.marked(Mark::Begin(1));
                counts.entered(block);
                counts.entered(row);
                counts.marked(Mark::End);
            }
        }
        let each = "block 10 8 4\n";
        assert_eq!(
            counts.report(),
            format!("slot 1 1 8 0 0 0\n{each}slot 2 1 8 0 0 0\n{each}")
        );
    }

    #[test]
    fn what_the_first_level_forgot_the_last_still_has() {
        let mut counts = Counts::new();
        counts.marked(Mark::Begin(1));
        // More lines of one set than the first level has ways.
        for line in 0..9 {
            counts.accessed(line * (FIRST.0 / FIRST.1 as u64));
        }
        counts.accessed(0);
        assert_eq!(counts.report(), "slot 0 1 0 10 10 9\n");
    }
}
