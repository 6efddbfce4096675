// SPDX-License-Identifier: GPL-2.0-only

//! How long is zone->lock held while memory is fragmented?
//!
//! For a kernel with CONFIG_LOCK_STAT. Where the machine counts instructions, a nanosecond is one of them.

use std::fs;
use std::path::Path;

use super::run as churn;
use crate::cmdline::Cmdline;
use crate::protocol;
use crate::sys::files;
use crate::sys::mounts;
use crate::sys::stat::Counters;
use crate::verify;
use crate::workload::crew::Crew;
use crate::workload::plan::Plan;
use crate::Result;

/// The record; writing 0 to it forgets everything.
const RECORD: &str = "/proc/lock_stat";
const RECORDING: &str = "/proc/sys/kernel/lock_stat";
/// What the record calls the lock of every zone.
const LOCK: &str = "&zone->lock";
/// Columns after the name: those of waiting come first.
const COLUMNS: usize = 12;

/// Fragments memory and reports what was recorded meanwhile.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    let total_kb = Counters::meminfo()?.get("MemTotal");
    let plan = Plan::new(cmdline, total_kb);
    files::write(RECORDING, "1")?;
    files::write(RECORD, "0")?;
    let mut crew = Crew::start(plan, Path::new(mounts::RAM))?;
    churn::fragment(&mut crew, plan)?;
    files::write(RECORDING, "0")?;
    let held = Held::read(&fs::read_to_string(RECORD)?)?;
    drop(crew);
    protocol::metric("lock_acquisitions", held.times);
    protocol::metric("lock_held_longest_us", held.longest);
    protocol::metric("lock_held_total_us", held.total);
    protocol::metric("lock_contentions", held.contentions);
    verify::report("end");
    protocol::ok("scenario");
    Ok(())
}

/// How a lock was used; times in microseconds.
#[derive(Debug, PartialEq)]
struct Held {
    contentions: u64,
    times: u64,
    longest: f64,
    total: f64,
}

impl Held {
    fn read(record: &str) -> Result<Self> {
        let line = record
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(LOCK)?.strip_prefix(':'))
            .ok_or("the record does not name zone->lock")?;
        let columns: Vec<&str> = line.split_whitespace().collect();
        if columns.len() != COLUMNS {
            return Err(format!("{} columns in the record, not {COLUMNS}", columns.len()).into());
        }
        Ok(Self {
            contentions: columns[1].parse()?,
            times: columns[7].parse()?,
            longest: columns[9].parse()?,
            total: columns[10].parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_their_place() {
        let record = "  class name  con-bounces\n  &zone->lock:  1 2 0.10 9.90 30.00 15.00 7 80 0.20 44.50 901.25 11.26\n";
        let held = Held::read(record).map_err(|error| error.to_string());
        let wanted = Held {
            contentions: 2,
            times: 80,
            longest: 44.5,
            total: 901.25,
        };
        assert_eq!(held, Ok(wanted));
    }

    #[test]
    fn a_record_without_the_lock_is_refused() {
        assert!(Held::read("&zone->lockish: 1\n").is_err());
        assert!(Held::read("&zone->lock: 1 2 3\n").is_err());
    }
}
