// SPDX-License-Identifier: GPL-2.0-only

//! How many 1 GB pages does the kernel give where a file system has kept it busy?
//!
//! Needs a disk with a file system on it. Blocks of metadata lie in movable memory, but a journal holds on
//! to them until it is checkpointed.

use std::fs;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use super::measure;
use super::run::ask;
use super::run::ask_unwritten;
use super::run::begin;
use super::run::seconds;
use super::run::set_defrag_mode;
use crate::cmdline::Cmdline;
use crate::protocol;
use crate::rng::Rng;
use crate::sys::files;
use crate::sys::mounts;
use crate::Result;

/// Files for each gigabyte of memory: 60 000 small ones in 8 GB, and a tenth as many larger ones.
const SMALL_PER_GB: u64 = 7500;
const SMALL_PER_LARGE: u64 = 9;
/// Bytes of a small file, and of a larger one.
const SMALL: (u64, u64) = (1 << 10, 16 << 10);
const LARGE: (u64, u64) = (64 << 10, 1 << 20);
/// Percentage of the files that are deleted.
const DELETED: u64 = 60;
const FILES_PER_DIRECTORY: usize = 250;
/// Files between two looks at memory.
const FILES_PER_LOOK: usize = 2000;
const KB_PER_GB: u64 = 1 << 20;

/// Makes files, deletes most of them, asks for huge pages, and prints it all.
///
/// `spb.arg.fs` is the kind of file system, `rounds` how often files come and go; with `unwritten`, nobody
/// writes back before pages are asked for.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    let mut begun = begin()?;
    set_defrag_mode(cmdline)?;
    mount(cmdline)?;
    let unwritten = cmdline.number("unwritten", 0) != 0;
    if unwritten {
        write_back_late()?;
    }

    let mut tree = Tree::new(cmdline.seed);
    for round in 1..=cmdline.number("rounds", 2) {
        tree.grow(begun.total_kb * SMALL_PER_GB / KB_PER_GB)?;
        measure::log_memory(format_args!("round {round} grown: {} s", seconds(begun.at)))?;
        tree.shrink()?;
        measure::log_memory(format_args!(
            "round {round} shrunk: {} s",
            seconds(begun.at)
        ))?;
    }
    protocol::metric("seconds_workload", seconds(begun.at));
    protocol::metric("files", tree.files.len());

    match unwritten {
        true => ask_unwritten(&mut begun.walker, tree.peak)?,
        false => ask(&mut begun.walker, tree.peak)?,
    }
    protocol::test("files_are_whole", tree.check());
    begun.end()
}

fn mount(cmdline: &Cmdline) -> Result<()> {
    mounts::require_disk(cmdline.text("fs", "ext4"))
}

/// Leaves what is dirty to those who need it written back.
fn write_back_late() -> Result<()> {
    files::write("/proc/sys/vm/dirty_expire_centisecs", "360000")?;
    files::write("/proc/sys/vm/dirty_writeback_centisecs", "0")
}

/// Files in directories on the disk.
struct Tree {
    rng: Rng,
    /// Number and bytes of each file that is there.
    files: Vec<(usize, u64)>,
    made: usize,
    block: Vec<u8>,
    /// Most non-movable memory seen, in pages.
    peak: u64,
}

impl Tree {
    fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed, 0),
            files: Vec::new(),
            made: 0,
            block: vec![7; LARGE.1 as usize],
            peak: 0,
        }
    }

    /// Makes files until there are `small` small ones and the larger ones that belong to them.
    fn grow(&mut self, small: u64) -> Result<()> {
        let count = (small + small / SMALL_PER_LARGE) as usize;
        while self.files.len() < count {
            self.make()?;
            if self.made % FILES_PER_LOOK == 0 {
                self.look()?;
            }
        }
        self.look()
    }

    fn make(&mut self) -> Result<()> {
        let number = self.made;
        self.made += 1;
        let path = path(number);
        if number % FILES_PER_DIRECTORY == 0 {
            fs::create_dir(directory(number))?;
        }
        let (least, most) = match self.rng.below(SMALL_PER_LARGE + 1) {
            0 => LARGE,
            _ => SMALL,
        };
        let bytes = least + self.rng.below(most - least);
        File::create(path)?.write_all(&self.block[..bytes as usize])?;
        self.files.push((number, bytes));
        Ok(())
    }

    /// Deletes most files, in no order.
    fn shrink(&mut self) -> Result<()> {
        for _ in 0..self.files.len() as u64 * DELETED / 100 {
            let (number, _) = self.files.swap_remove(self.rng.index(self.files.len()));
            fs::remove_file(path(number))?;
        }
        self.look()
    }

    fn look(&mut self) -> Result<()> {
        self.peak = self.peak.max(measure::nonmovable_estimate()?);
        Ok(())
    }

    /// Whether all files that were kept hold what was written.
    fn check(&self) -> Result<()> {
        for (number, bytes) in &self.files {
            let found = fs::read(path(*number))?;
            if found != self.block[..*bytes as usize] {
                return Err(format!("file {number} is not what was written").into());
            }
        }
        Ok(())
    }
}

fn directory(number: usize) -> PathBuf {
    let directory = number / FILES_PER_DIRECTORY;
    Path::new(mounts::DISK).join(format!("d{directory}"))
}

fn path(number: usize) -> PathBuf {
    directory(number).join(format!("f{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_made_for_its_first_file() {
        assert_eq!(directory(FILES_PER_DIRECTORY - 1), directory(0));
        assert_ne!(directory(FILES_PER_DIRECTORY), directory(0));
        assert!(path(7).starts_with(directory(7)));
    }
}
