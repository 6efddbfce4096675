// SPDX-License-Identifier: GPL-2.0-only

//! How do directory entries and inodes come and go?

use std::fs;
use std::fs::File;
use std::path::PathBuf;

use super::Kind;
use crate::rng::Rng;
use crate::Result;

/// Files made by one step, in a directory of their own.
const FILES: u64 = 48;
/// Lookups of names that do not exist, by one step.
const MISSES: u64 = 16;
/// Kernel memory of one file: an inode, a directory entry, their security and name parts.
const FILE_BYTES: u64 = 1024;

/// Directories full of empty files.
pub(crate) struct Dentries {
    root: PathBuf,
    directories: Vec<(PathBuf, Vec<u64>)>,
    files: u64,
    made: u64,
}

impl Dentries {
    /// Everything goes below `root`, which is made.
    pub(crate) fn new(root: PathBuf) -> Result<Self> {
        fs::create_dir_all(&root)?;
        Ok(Self {
            root,
            directories: Vec::new(),
            files: 0,
            made: 0,
        })
    }
}

impl Kind for Dentries {
    fn name(&self) -> &'static str {
        "dentries"
    }

    fn held(&self) -> u64 {
        self.files * FILE_BYTES
    }

    fn grow(&mut self, rng: &mut Rng) -> Result<()> {
        let directory = self.root.join(format!("d{}", self.made));
        self.made += 1;
        fs::create_dir(&directory)?;
        for name in 0..FILES {
            File::create(directory.join(name.to_string()))?;
        }
        for _ in 0..MISSES {
            // Only the lookup counts: it leaves a negative entry where the file system keeps those.
            let _ = fs::metadata(directory.join(format!("no{}", rng.next())));
        }
        self.files += FILES;
        self.directories.push((directory, (0..FILES).collect()));
        Ok(())
    }

    /// Removes half of the files of a directory, and with the last one the directory.
    fn shrink(&mut self, rng: &mut Rng) {
        if self.directories.is_empty() {
            return;
        }
        let index = rng.index(self.directories.len());
        let (directory, names) = &mut self.directories[index];
        for _ in 0..names.len().div_ceil(2) {
            let name = names.swap_remove(rng.index(names.len()));
            let _ = fs::remove_file(directory.join(name.to_string()));
            self.files -= 1;
        }
        if names.is_empty() {
            let _ = fs::remove_dir(directory);
            self.directories.swap_remove(index);
        }
    }
}
