// SPDX-License-Identifier: GPL-2.0-only

//! In which ways is memory held: anonymous, in a RAM file system, as page cache of a disk?

use std::fs::File;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use super::pattern::Pattern;
use crate::holes::Holed;
use crate::rng::Rng;
use crate::sys::memory;
use crate::Result;

/// Memory filled with a pattern.
pub(crate) trait Hold {
    /// Fails unless all of it is as it was filled.
    fn verify(&mut self) -> Result<()>;
}

/// Anonymous memory with holes.
pub(crate) struct Anonymous {
    memory: Holed,
    pattern: Pattern,
}

impl Anonymous {
    /// Fills `pages` pages and gives some back.
    pub(crate) fn new(pages: usize, seed: u64) -> Result<Self> {
        let pattern = Pattern::new(seed);
        let mut rng = Rng::new(seed, u64::MAX);
        let memory = Holed::new(pages, &mut rng, |number, page| pattern.fill(number, page))?;
        Ok(Self { memory, pattern })
    }
}

impl Hold for Anonymous {
    fn verify(&mut self) -> Result<()> {
        let pattern = self.pattern;
        self.memory
            .pages()
            .try_for_each(|(number, page)| pattern.check(number, page))
    }
}

/// Pages of a file.
pub(crate) struct Cached {
    file: File,
    pages: usize,
    pattern: Pattern,
}

impl Cached {
    /// Fills `pages` pages of a file or disk, but for the first page.
    pub(crate) fn new(path: &str, pages: usize, seed: u64) -> Result<Self> {
        let mut options = OpenOptions::new();
        let opened = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path);
        let file = opened.map_err(|e| format!("{path}: {e}"))?;
        let pattern = Pattern::new(seed);
        let mut page = vec![0; memory::page_bytes() / size_of::<u64>()];
        for number in 1..=pages {
            pattern.fill(number, &mut page);
            let bytes: Vec<u8> = page.iter().flat_map(|word| word.to_ne_bytes()).collect();
            file.write_all_at(&bytes, (number * bytes.len()) as u64)?;
        }
        Ok(Self {
            file,
            pages,
            pattern,
        })
    }
}

impl Hold for Cached {
    fn verify(&mut self) -> Result<()> {
        let mut bytes = vec![0; memory::page_bytes()];
        for number in 1..=self.pages {
            let offset = (number * bytes.len()) as u64;
            self.file.read_exact_at(&mut bytes, offset)?;
            let words = bytes.chunks_exact(8);
            let word = |b: &[u8]| b.try_into().map_or(0, u64::from_ne_bytes);
            let page: Vec<u64> = words.map(word).collect();
            self.pattern.check(number, &page)?;
        }
        Ok(())
    }
}
