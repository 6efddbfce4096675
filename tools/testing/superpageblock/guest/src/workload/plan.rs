// SPDX-License-Identifier: GPL-2.0-only

//! How much memory of each kind does the workload hold?

use crate::cmdline::Cmdline;

/// Bytes of each kind, or any other six numbers in the same places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Anonymous memory.
    pub(crate) anon: u64,
    /// Page cache of files.
    pub(crate) cache: u64,
    /// Pipe buffers.
    pub(crate) pipes: u64,
    /// Data queued in sockets.
    pub(crate) sockets: u64,
    /// Directory entries and inodes.
    pub(crate) dentries: u64,
    /// Page tables.
    pub(crate) tables: u64,
}

/// Tenths of a percent of all memory when memory is fullest; together a little under 90 %.
const PEAK: Shares = Shares {
    anon: 610,
    cache: 170,
    pipes: 50,
    sockets: 10,
    dentries: 10,
    tables: 20,
};

/// Tenths of a percent of all memory that stay at the end of a round; together 30 %.
const LIVE: Shares = Shares {
    anon: 220,
    cache: 50,
    pipes: 15,
    sockets: 3,
    dentries: 6,
    tables: 6,
};

/// The size of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Seed of every worker.
    pub(crate) seed: u64,
    /// Number of worker processes.
    pub(crate) workers: u64,
    /// Times that memory fills and empties.
    pub(crate) rounds: u64,
    /// What one worker grows to, in bytes.
    pub(crate) peak: Shares,
    /// What one worker keeps, in bytes.
    pub(crate) live: Shares,
    /// Workers stop growing when less than this many kilobytes are available.
    pub(crate) floor_kb: u64,
}

impl Plan {
    /// A plan for `total_kb` kilobytes of memory.
    ///
    /// `spb.arg.workers`, `rounds`, `peak` and `live` change it; the last two are in percent of the usual.
    pub(crate) fn new(cmdline: &Cmdline, total_kb: u64) -> Self {
        let workers = cmdline.number("workers", 4).max(1);
        let bytes = total_kb * 1024 / workers;
        let scaled = |shares: Shares, arg: &str| {
            let percent = cmdline.number(arg, 100);
            shares.map(|tenths| bytes / 1000 * tenths / 100 * percent)
        };
        Self {
            seed: cmdline.seed,
            workers,
            rounds: cmdline.number("rounds", 3),
            peak: scaled(PEAK, "peak"),
            live: scaled(LIVE, "live"),
            floor_kb: total_kb / 20,
        }
    }
}

impl Shares {
    fn map(self, f: impl Fn(u64) -> u64) -> Self {
        Self {
            anon: f(self.anon),
            cache: f(self.cache),
            pipes: f(self.pipes),
            sockets: f(self.sockets),
            dentries: f(self.dentries),
            tables: f(self.tables),
        }
    }

    /// The six values, in the order workers keep their kinds.
    pub(crate) fn list(self) -> [u64; 6] {
        [
            self.anon,
            self.cache,
            self.pipes,
            self.sockets,
            self.dentries,
            self.tables,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_leaves_a_tenth_free_and_thirty_percent_stay() {
        assert!((850..=900).contains(&PEAK.list().iter().sum::<u64>()));
        assert_eq!(LIVE.list().iter().sum::<u64>(), 300);
    }

    #[test]
    fn workers_share_the_memory_evenly() {
        let plan = Plan::new(&Cmdline::default(), 8 << 20);
        let total = plan.live.anon * plan.workers;
        let expected = (8u64 << 30) * 22 / 100;
        assert!(total.abs_diff(expected) < expected / 100);
    }
}
