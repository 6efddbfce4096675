// SPDX-License-Identifier: GPL-2.0-only

//! What movable memory is everything full of when a storm comes?

use std::fs;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::filler::Filler;
use crate::sys::mounts;
use crate::sys::stat::Counters;
use crate::Result;

/// Percentage of memory that anonymous memory leaves.
const FREE: u64 = 8;
/// One in so many parts of it stays when it is thinned out.
const KEEP: usize = 4;
/// Bytes read at once.
const CHUNK: usize = 256 << 10;

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
    file: Option<File>,
}

impl Cover {
    /// No memory yet.
    pub(super) fn none() -> Self {
        Self {
            anonymous: Filler::default(),
            file: None,
        }
    }

    /// Fills memory of `total` bytes.
    pub(super) fn spread(&mut self, what: Of, total: u64) -> Result<()> {
        match what {
            Of::Nothing => Ok(()),
            Of::Anonymous => self.anonymous.fill(total / 1024 * FREE / 100, u64::MAX),
            Of::Files => self.read_holes(total),
        }
    }

    /// Gives most of it back.
    pub(super) fn thin_out(&mut self) -> Result<()> {
        self.anonymous.keep_every(KEEP);
        if self.file.take().is_some() {
            fs::remove_file(path())?;
        }
        Ok(())
    }

    /// Whether it holds what was written.
    pub(super) fn check(&self) -> Result<()> {
        self.anonymous.check()
    }

    /// Reads holes of a file, which are cached as pages of zeroes, until nothing is free any more.
    fn read_holes(&mut self, total: u64) -> Result<()> {
        File::create(path())?.set_len(total)?;
        let (file, mut chunk) = (File::open(path())?, vec![0; CHUNK]);
        for at in (0..total).step_by(CHUNK) {
            file.read_at(&mut chunk, at)?;
        }
        self.file = Some(file);
        let (cached, free) = (
            Counters::meminfo()?.get("Cached"),
            Counters::meminfo()?.get("MemFree"),
        );
        match cached > free {
            true => Ok(()),
            false => Err(format!("{cached} kB are cached, {free} kB are still free").into()),
        }
    }
}

fn path() -> std::path::PathBuf {
    Path::new(mounts::DISK).join("holes")
}
