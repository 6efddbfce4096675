// SPDX-License-Identifier: GPL-2.0-only

//! What movable memory is everything full of when a storm comes?

use std::fs;
use std::mem;
use std::path::Path;
use std::path::PathBuf;

use crate::cached;
use crate::filler::Filler;
use crate::sys::mounts;
use crate::sys::stat::Counters;
use crate::Result;

/// Percentage of memory that anonymous memory leaves.
const FREE: u64 = 8;
/// One in so many parts of it stays when it is thinned out.
const KEEP: usize = 4;

/// A kind of movable memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// None at all.
    Nothing,
    /// Anonymous memory, which has nowhere to go.
    Anonymous,
    /// Page cache of a file on the disk, which can be had back.
    Files,
}

/// Movable memory.
pub(super) struct Cover {
    anonymous: Filler,
    /// Whether there is a file.
    file: bool,
}

impl Cover {
    /// No memory yet.
    pub(super) fn none() -> Self {
        Self {
            anonymous: Filler::default(),
            file: false,
        }
    }

    /// Fills memory of `total` bytes.
    pub(super) fn spread(&mut self, what: Of, total: u64) -> Result<()> {
        match what {
            Of::Nothing => Ok(()),
            Of::Anonymous => self.anonymous.fill(total / 1024 * FREE / 100, u64::MAX),
            Of::Files => self.read_file(total),
        }
    }

    /// Gives most of it back.
    pub(super) fn thin_out(&mut self) -> Result<()> {
        self.anonymous.keep_every(KEEP);
        if mem::take(&mut self.file) {
            fs::remove_file(path())?;
        }
        Ok(())
    }

    /// Whether it holds what was written.
    pub(super) fn check(&self) -> Result<()> {
        self.anonymous.check()
    }

    /// Fills the page cache until nothing is free any more.
    fn read_file(&mut self, total: u64) -> Result<()> {
        self.file = true;
        cached::read_holes(&path(), total)?;
        let memory = Counters::meminfo()?;
        let (cached, free) = (memory.get("Cached"), memory.get("MemFree"));
        match cached > free {
            true => Ok(()),
            false => Err(format!("{cached} kB are cached, {free} kB are still free").into()),
        }
    }
}

fn path() -> PathBuf {
    Path::new(mounts::DISK).join("holes")
}
