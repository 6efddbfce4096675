// SPDX-License-Identifier: GPL-2.0-only

//! Are all pages there, when nobody uses them any more?

use std::fs;
use std::thread;
use std::time::Duration;

use crate::drain;
use crate::protocol;
use crate::scenarios::measure;
use crate::sys::files;
use crate::sys::memory;
use crate::sys::mounts;
use crate::sys::power;
use crate::sys::stat::Counters;
use crate::sys::zoneinfo;
use crate::Result;

/// Time for what is freed after a grace period or by a worker.
const SETTLE: Duration = Duration::from_secs(2);
/// Times that caches are dropped: entries refer to each other.
const DROPS: u32 = 3;

/// Memory outside slab, in kilobytes of meminfo, that comes and goes by itself.
const KNOWN: [&str; 7] = [
    "Slab",
    "PageTables",
    "SecPageTables",
    "KernelStack",
    "VmallocUsed",
    "Percpu",
    "Bounce",
];

/// Where all memory is; in pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Balance {
    /// All of it.
    pub(super) total: u64,
    /// Free, per-CPU lists included.
    pub(super) free: u64,
    /// Slab.
    pub(super) slab: u64,
    /// Neither free, nor on an LRU list, nor known to any other counter: where lost pages show.
    pub(super) unknown: u64,
}

impl Balance {
    /// Brings the machine to rest first: workload files and caches are dropped, lists drained.
    pub(super) fn at_rest() -> Result<Self> {
        for path in files::entries(mounts::RAM) {
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            }
        }
        power::write_back();
        for _ in 0..DROPS {
            files::write("/proc/sys/vm/drop_caches", "3")?;
            thread::sleep(SETTLE);
        }
        drain::decay();
        Self::now()
    }

    fn now() -> Result<Self> {
        let zones = zoneinfo::zones()?;
        let known = Counters::meminfo()?;
        let pages = |kilobytes: u64| kilobytes * 1024 / memory::page_bytes() as u64;
        Ok(Self {
            total: pages(known.get("MemTotal")),
            free: zones.iter().map(|z| z.free + z.per_cpu).sum(),
            slab: pages(known.get("Slab")),
            unknown: measure::nonmovable_estimate()?.saturating_sub(pages(known.sum(&KNOWN))),
        })
    }

    /// What changed until `after`, printed as metrics that start with `name`.
    ///
    /// At most `lost` pages may have gone where no counter knows them, at most `used` may have
    /// become used by anything else.
    pub(super) fn compare(self, after: Self, name: &str, lost: u64, used: u64) -> Result<()> {
        let change = |old: u64, new: u64| new as i64 - old as i64;
        let (free, slab) = (change(self.free, after.free), change(self.slab, after.slab));
        let unknown = change(self.unknown, after.unknown);
        protocol::metric(&format!("{name}_free_change"), free);
        protocol::metric(&format!("{name}_slab_change"), slab);
        protocol::metric(&format!("{name}_unknown_change"), unknown);
        if after.total != self.total {
            return Err(format!("{} pages before, {} after", self.total, after.total).into());
        }
        // Pages that appear from nowhere are as wrong as lost ones.
        if unknown.unsigned_abs() > lost {
            return Err(format!("{unknown} pages changed into what no counter knows").into());
        }
        if -free > used as i64 {
            return Err(format!("{} free pages are missing, slab took {slab}", -free).into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_and_gained_pages_are_found_and_slab_may_change() {
        let at = |total, free, unknown| Balance {
            total,
            free,
            slab: 5,
            unknown,
        };
        let before = at(100, 80, 10);
        assert!(before.compare(at(100, 78, 11), "t", 1, 2).is_ok());
        assert!(before.compare(at(100, 80, 12), "t", 1, 2).is_err());
        assert!(before.compare(at(100, 80, 8), "t", 1, 2).is_err());
        assert!(before.compare(at(100, 77, 10), "t", 1, 2).is_err());
        assert!(before.compare(at(99, 80, 10), "t", 1, 2).is_err());
    }
}
