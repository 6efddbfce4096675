// SPDX-License-Identifier: GPL-2.0-only

//! How full is memory in each phase?

use std::time::Duration;

use crate::cmdline::Cmdline;
use crate::sys::memory;

/// Kernel memory shrinks to one in so many parts of what it grew to.
const SHRINK: u64 = 4;

/// Share of memory that is free at the brim, in thousandths.
const BRIM: u64 = 15;

/// The size of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Levels {
    /// All memory, in kilobytes.
    pub(super) total_kb: u64,
    /// Times that kernel memory grows and shrinks.
    pub(super) rounds: u64,
    /// Free kilobytes when memory is filled to the brim, from where random pages are freed.
    pub(super) brim_kb: u64,
    /// Free kilobytes after that, scattered everywhere: memory counts as full.
    pub(super) free_kb: u64,
    /// Bytes that kernel memory grows to.
    pub(super) grown: u64,
    /// Bytes that it shrinks to.
    pub(super) shrunk: u64,
    /// Anonymous pages that stay in the end.
    pub(super) live_pages: u64,
    /// Time for work in the background after that.
    pub(super) settle: Duration,
}

impl Levels {
    /// The levels for `total_kb` kilobytes of memory, with the sum of the high watermarks.
    ///
    /// `spb.arg.rounds` and `settle`, in seconds, change them; so do `fill`, `grow` and `live`, in percent of
    /// all memory.
    pub(super) fn new(cmdline: &Cmdline, total_kb: u64, high_kb: u64) -> Self {
        let percent = |share: u64| total_kb * share / 100;
        let grown = percent(cmdline.number("grow", 8)) * 1024;
        let empty = 100u64.saturating_sub(cmdline.number("fill", 95));
        let live = percent(cmdline.number("live", 40)) * 1024;
        Self {
            total_kb,
            rounds: cmdline.number("rounds", 2),
            brim_kb: (total_kb * BRIM / 1000).max(high_kb * 3 / 2),
            // Near its watermarks a small guest would do nothing but reclaim.
            free_kb: percent(empty).max(2 * high_kb),
            grown,
            shrunk: grown / SHRINK,
            live_pages: live / memory::page_bytes() as u64,
            settle: Duration::from_secs(cmdline.number("settle", 5)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(total_kb: u64, high_kb: u64) -> Levels {
        Levels::new(&Cmdline::default(), total_kb, high_kb)
    }

    #[test]
    fn shares_are_of_all_memory() {
        let levels = levels(1_000_000, 1000);
        assert_eq!(levels.brim_kb, 15_000);
        assert_eq!(levels.free_kb, 50_000);
        assert_eq!(levels.grown, 80_000 * 1024);
        assert_eq!(levels.shrunk, 20_000 * 1024);
        let live = levels.live_pages * memory::page_bytes() as u64;
        assert_eq!(live, 400_000 * 1024);
    }

    #[test]
    fn twice_the_high_watermarks_stay_free() {
        assert_eq!(levels(1_000_000, 25_001).free_kb, 50_002);
        assert_eq!(levels(1_000_000, 25_001).brim_kb, 37_501);
    }
}
