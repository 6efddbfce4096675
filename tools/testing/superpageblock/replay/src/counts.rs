// SPDX-License-Identifier: GPL-2.0-only

//! What is counted in a replay?

use std::fmt;

/// Events between two looks at the whole zone.
pub(crate) const PER_LOOK: usize = 256;

/// The result of a replay. Pages are of 4 KB, blocks of the size that the model has.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) allocations: u64,
    /// Those for which there was no page: the recorded machine was not as fragmented, or reclaimed.
    pub(crate) failed: u64,
    /// Those that were sent back, and then asked for single pages instead.
    pub(crate) refused: u64,
    /// Frees of pages that nobody was seen to get: before recording began, or as the target of a migration.
    pub(crate) unknown: u64,
    /// Pages of memory that cannot move.
    pub(crate) kernel: u64,
    pub(crate) kernel_most: u64,
    /// Blocks that got their first memory that cannot move, and that lost their last.
    pub(crate) taints: u64,
    pub(crate) untaints: u64,
    pub(crate) tainted_most: u64,
    pub(crate) tainted_end: u64,
    /// Sums over all looks.
    pub(crate) tainted_sum: u64,
    pub(crate) empty_sum: u64,
    pub(crate) looks: u64,
    /// Pages moved to make room.
    pub(crate) moved: u64,
    /// Calls of the policy that change what it knows.
    pub(crate) updates: u64,
}

impl Counts {
    /// `part` for each look.
    fn mean(&self, part: u64) -> f64 {
        part as f64 / self.looks.max(1) as f64
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "allocations={} ", self.allocations)?;
        write!(f, "failed={} refused={} ", self.failed, self.refused)?;
        write!(f, "unknown={} ", self.unknown)?;
        write!(f, "kernel_most={} ", self.kernel_most)?;
        write!(f, "taints={} untaints={} ", self.taints, self.untaints)?;
        write!(f, "tainted_most={} ", self.tainted_most)?;
        write!(f, "tainted_mean={:.2} ", self.mean(self.tainted_sum))?;
        write!(f, "tainted_end={} ", self.tainted_end)?;
        write!(f, "empty_mean={:.2} ", self.mean(self.empty_sum))?;
        write!(f, "moved={} updates={}", self.moved, self.updates)
    }
}
