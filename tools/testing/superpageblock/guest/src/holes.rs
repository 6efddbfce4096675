// SPDX-License-Identifier: GPL-2.0-only

//! How do free lists get entries of every order?

use crate::rng::Rng;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::Result;

/// Percentage of the pages that is given back.
const SHARE: u64 = 40;

/// Anonymous memory with pages missing at random: free ones lie between those in use.
pub(crate) struct Holed {
    memory: Mapping,
    missing: Vec<bool>,
}

impl Holed {
    /// Fills `pages` small pages by `fill(number, words)`, then gives some back.
    pub(crate) fn new(
        pages: usize,
        rng: &mut Rng,
        mut fill: impl FnMut(usize, &mut [u64]),
    ) -> Result<Self> {
        let bytes = memory::page_bytes();
        let mut memory = Mapping::new(pages * bytes, 0)?;
        memory.advise(0, pages * bytes, libc::MADV_NOHUGEPAGE);
        let words = memory.words().chunks_exact_mut(bytes / size_of::<u64>());
        words
            .enumerate()
            .for_each(|(number, page)| fill(number, page));
        let missing: Vec<bool> = (0..pages).map(|_| rng.chance(SHARE)).collect();
        for (number, _) in missing.iter().enumerate().filter(|(_, gone)| **gone) {
            memory.advise(number * bytes, bytes, libc::MADV_DONTNEED);
        }
        Ok(Self { memory, missing })
    }

    /// The pages that are left, with their numbers.
    pub(crate) fn pages(&mut self) -> impl Iterator<Item = (usize, &[u64])> {
        let bytes = memory::page_bytes();
        let words = self.memory.words().chunks_exact(bytes / size_of::<u64>());
        let kept = words.enumerate().zip(&self.missing);
        kept.filter_map(|(page, gone)| (!gone).then_some(page))
    }
}
