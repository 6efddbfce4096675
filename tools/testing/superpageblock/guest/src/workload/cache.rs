// SPDX-License-Identifier: GPL-2.0-only

//! How does page cache come and go?
//!
//! Files of 4 KB to 4 MB, kept or deleted. On a disk they are ordinary file pages; without one they live
//! in a RAM file system, whose pages can move but cannot be reclaimed.

use std::fs;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use super::Kind;
use crate::rng::Rng;
use crate::Result;

const LEAST: u64 = 4 << 10;
const MOST: u64 = 4 << 20;

/// Files in one directory.
pub(crate) struct Cache {
    directory: PathBuf,
    files: Vec<(u64, u64)>,
    held: u64,
    made: u64,
    block: Vec<u8>,
}

impl Cache {
    /// Files go into `directory`, which is made.
    pub(crate) fn new(directory: PathBuf) -> Result<Self> {
        fs::create_dir_all(&directory)?;
        Ok(Self {
            directory,
            files: Vec::new(),
            held: 0,
            made: 0,
            block: vec![7; 64 << 10],
        })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("f{number}"))
    }

    fn write(&self, number: u64, bytes: u64) -> Result<()> {
        let mut file = File::create(self.path(number))?;
        let mut left = bytes as usize;
        while left > 0 {
            let part = left.min(self.block.len());
            file.write_all(&self.block[..part])?;
            left -= part;
        }
        Ok(())
    }
}

impl Kind for Cache {
    fn name(&self) -> &'static str {
        "page cache"
    }

    fn held(&self) -> u64 {
        self.held
    }

    fn grow(&mut self, rng: &mut Rng) -> Result<()> {
        let bytes = rng.sized(LEAST, MOST).next_multiple_of(LEAST);
        let number = self.made;
        self.made += 1;
        if let Err(error) = self.write(number, bytes) {
            let _ = fs::remove_file(self.path(number));
            return Err(error);
        }
        self.files.push((number, bytes));
        self.held += bytes;
        Ok(())
    }

    fn shrink(&mut self, rng: &mut Rng) {
        if !self.files.is_empty() {
            let (number, bytes) = self.files.swap_remove(rng.index(self.files.len()));
            let _ = fs::remove_file(self.path(number));
            self.held -= bytes;
        }
    }
}
