// SPDX-License-Identifier: GPL-2.0-only

//! Which bits are set in both of two sets? A tree of summaries, 64 bits to a word.

/// Most levels that 65 536 bits need.
const LEVELS: usize = 3;

/// A set of small numbers.
///
/// A bit of a higher level says that a word of the level below is not zero.
#[derive(Clone)]
pub struct Bits {
    /// From the bits themselves to a single word.
    levels: Vec<Vec<u64>>,
}

impl Bits {
    /// An empty set of numbers below `bits`.
    pub fn new(bits: u32) -> Bits {
        let mut levels = Vec::with_capacity(LEVELS);
        let mut words = bits.div_ceil(64).max(1) as usize;
        levels.push(vec![0; words]);
        while words > 1 {
            words = words.div_ceil(64);
            levels.push(vec![0; words]);
        }
        Bits { levels }
    }

    /// Put a number in.
    pub fn set(&mut self, bit: u32) {
        let mut at = bit as usize;
        for level in &mut self.levels {
            let word = &mut level[at / 64];
            let before = *word;
            *word |= 1 << (at % 64);
            if before != 0 {
                return;
            }
            at /= 64;
        }
    }

    /// Take a number out.
    pub fn clear(&mut self, bit: u32) {
        let mut at = bit as usize;
        for level in &mut self.levels {
            let word = &mut level[at / 64];
            *word &= !(1 << (at % 64));
            if *word != 0 {
                return;
            }
            at /= 64;
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.levels.last().is_none_or(|top| top[0] == 0)
    }

    /// The least number in both sets, which have room for the same numbers.
    ///
    /// Not constant in time: where summaries intersect, leaves need not.
    pub fn first_common(&self, other: &Bits) -> Option<u32> {
        self.common(other, self.levels.len() - 1, 0)
    }

    fn common(&self, other: &Bits, level: usize, word: usize) -> Option<u32> {
        let mut both = self.levels[level][word] & other.levels[level][word];
        while both != 0 {
            let below = word * 64 + both.trailing_zeros() as usize;
            if level == 0 {
                return Some(below as u32);
            }
            let found = self.common(other, level - 1, below);
            if found.is_some() {
                return found;
            }
            both &= both - 1;
        }
        None
    }

    /// Bytes of all levels.
    pub fn bytes(&self) -> usize {
        self.levels.iter().map(|level| level.len() * 8).sum()
    }
}
