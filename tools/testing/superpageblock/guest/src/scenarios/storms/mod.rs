// SPDX-License-Identifier: GPL-2.0-only

//! How many 1 GB pages does the kernel give after a storm of one kind blew in full memory?
//!
//! - [`cover`]: the movable memory that all is full of;
//! - [`kinds`]: what comes in a rush and goes; [`processes`], [`packets`], [`limited`]: some of it;
//! - [`shrink`]: what it would help to shrink caches.

mod cover;
mod kinds;
mod limited;
mod packets;
mod processes;
mod shrink;

use super::measure;
use super::run::apart;
use super::run::ask;
use super::run::boot_state;
use super::run::set_defrag_mode;
use crate::cmdline::Cmdline;
use crate::pagemap::Walker;
use crate::protocol;
use crate::rng::Rng;
use crate::sys::process;
use crate::sys::stat::Counters;
use crate::Result;
use cover::Cover;
use kinds::Storm;

/// Steps of a storm between two looks at memory.
const STEPS_PER_LOOK: u64 = 32;
/// Files that may be open: a pair of sockets uses two.
const OPEN_FILES: u64 = 1 << 19;

/// Lets a storm blow, twice, asks for huge pages, and prints it all.
///
/// `spb.arg.kind` is one of [`kinds::NAMES`]; `fs` the kind of file system on the disk, where one is needed; with
/// `shrink`, caches are shrunk before.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    apart("storm", || blow(cmdline))
}

fn blow(cmdline: &Cmdline) -> Result<()> {
    let total = Counters::meminfo()?.get("MemTotal") * 1024;
    protocol::metric("memtotal_kb", total / 1024);
    let mut walker = Walker::new()?;
    boot_state(&mut walker)?;
    set_defrag_mode(cmdline)?;
    process::allow_files(OPEN_FILES);

    let mut cover = Cover::none();
    let mut storm = kinds::storm(cmdline, total)?;
    let mut rng = Rng::new(cmdline.seed, 0);
    let mut peak = 0;
    for round in 1..=cmdline.number("rounds", 2) {
        cover.spread(storm.cover, total)?;
        measure::log_memory(format_args!("round {round} covered"))?;
        peak = peak.max(storm.rise(&mut rng)?);
        measure::log_memory(format_args!("round {round} at its height"))?;
        storm.fall(&mut rng);
        cover.thin_out()?;
        measure::log_memory(format_args!("round {round} fallen"))?;
    }
    if cmdline.number("shrink", 0) != 0 {
        shrink::run()?;
    }
    ask(&mut walker, peak)?;
    protocol::test("contents_kept", cover.check());
    // Until here both held their memory.
    drop((cover, storm));
    Ok(())
}

impl Storm {
    /// Grows to its height; returns the peak of non-movable memory in pages.
    fn rise(&mut self, rng: &mut Rng) -> Result<u64> {
        let (mut peak, mut steps) = (0, 0);
        while self.kind.held() < self.height {
            self.kind.grow(rng)?;
            steps += 1;
            if steps % STEPS_PER_LOOK == 0 {
                peak = peak.max(measure::nonmovable_estimate()?);
            }
        }
        Ok(peak.max(measure::nonmovable_estimate()?))
    }

    /// Shrinks to what stays.
    fn fall(&mut self, rng: &mut Rng) {
        while self.kind.held() > self.stays {
            self.kind.shrink(rng);
        }
    }
}
