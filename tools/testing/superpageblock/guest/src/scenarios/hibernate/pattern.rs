// SPDX-License-Identifier: GPL-2.0-only

//! What does a page hold, so that any other content is noticed?

use crate::rng::Rng;
use crate::Result;

/// An odd number without regularity: words of a page differ in all bytes.
const STEP: u64 = 0xa076_1d64_78bd_642f;

/// Content of numbered pages; that of different seeds has nothing in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pattern {
    seed: u64,
}

impl Pattern {
    /// The pattern of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Fills page `number`.
    pub(crate) fn fill(self, number: usize, page: &mut [u64]) {
        page.iter_mut()
            .zip(self.words(number))
            .for_each(|(word, value)| *word = value);
    }

    /// Fails unless page `number` holds what it was filled with.
    pub(crate) fn check(self, number: usize, page: &[u64]) -> Result<()> {
        let wrong = page
            .iter()
            .zip(self.words(number))
            .filter(|(word, value)| *word != value);
        match wrong.count() {
            0 => Ok(()),
            count => {
                Err(format!("page {number} differs in {count} of {} words", page.len()).into())
            }
        }
    }

    fn words(self, number: usize) -> impl Iterator<Item = u64> {
        let first = Rng::new(self.seed, number as u64).next();
        std::iter::successors(Some(first), |word| Some(word.wrapping_add(STEP)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_changed_bit_and_a_swapped_page_are_noticed() {
        let pattern = Pattern::new(3);
        let mut page = [0; 512];
        pattern.fill(7, &mut page);
        assert!(pattern.check(7, &page).is_ok());
        assert!(pattern.check(8, &page).is_err());
        assert!(Pattern::new(4).check(7, &page).is_err());
        page[500] ^= 1 << 17;
        assert!(pattern.check(7, &page).is_err());
    }
}
