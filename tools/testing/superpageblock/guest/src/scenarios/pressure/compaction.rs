// SPDX-License-Identifier: GPL-2.0-only

//! Does a request for a 1 GB page get one while memory is being compacted?
//!
//! The pages that compaction holds look as if they could not move.

use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::levels::Levels;
use super::movable::Movable;
use super::prepare;
use crate::cmdline::Cmdline;
use crate::hugepages::Size;
use crate::pagemap::Walker;
use crate::protocol;
use crate::scenarios::run::apart;
use crate::sys::files;
use crate::sys::mounts;
use crate::sys::stat::Counters;
use crate::sys::zoneinfo;
use crate::verify;
use crate::Result;

/// Compaction ends when this is 0, and begins when another value is written.
const PROACTIVENESS: &str = "/proc/sys/vm/compaction_proactiveness";
/// Pages that compaction has isolated in the zone when the page is asked for.
const UNDER_WAY: u64 = 512;
/// Time for compaction to get through the lower zones.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(1);

/// What the requests came to.
#[derive(Default)]
struct Outcomes {
    asked: u64,
    obtained: u64,
    /// Those that came while the highest zone was being compacted.
    compacted: u64,
    seconds: f64,
}

/// Asks again and again; `spb.arg.requests` says how often.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    apart("compaction", || ask_in_the_middle(cmdline))
}

fn ask_in_the_middle(cmdline: &Cmdline) -> Result<()> {
    let mut walker = Walker::new()?;
    let levels = prepare(cmdline, &mut walker)?;
    let mut movable = Movable::new(cmdline.seed, levels.total_kb)?;
    let trace = Trace::new()?;
    let (mut outcomes, mut failed) = (Outcomes::default(), 0);
    for _ in 0..cmdline.number("requests", 8) {
        ask_once(&levels, &mut movable, &trace, &mut outcomes)?;
        failed += failures(&trace.read()?);
    }
    outcomes.report(failed);
    verify::report("at_end");
    protocol::test("contents_kept", movable.check());
    Ok(())
}

fn ask_once(
    levels: &Levels,
    movable: &mut Movable,
    trace: &Trace,
    outcomes: &mut Outcomes,
) -> Result<()> {
    files::write(PROACTIVENESS, "0")?;
    movable.fill_up(levels)?;
    movable.keep(levels.live_pages)?;
    trace.clear()?;
    files::write(PROACTIVENESS, "100")?;
    outcomes.compacted += u64::from(trace.await_compaction()?);
    let got = Size::Giga.request(1)?;
    outcomes.asked += 1;
    outcomes.obtained += got.obtained;
    outcomes.seconds += got.seconds;
    Size::Giga.request(0)?;
    Ok(())
}

/// Where the kernel says what it does.
struct Trace {
    file: String,
    /// Part of the line that says that compaction of the highest zone begins.
    begin: String,
}

impl Trace {
    fn new() -> Result<Self> {
        let tracing = mounts::mount_tracing()?;
        let mut events = vec!["compaction/mm_compaction_begin"];
        if verify::patched() {
            events.push("superpageblock/spb_contig");
        }
        for event in events {
            files::write(format!("{tracing}/events/{event}/enable"), "1")?;
        }
        let highest = zoneinfo::zones()?.pop().ok_or("no zone has memory")?;
        Ok(Self {
            file: format!("{tracing}/trace"),
            begin: format!(" mm_compaction_begin: zone_start={:#x} ", highest.start),
        })
    }

    fn clear(&self) -> Result<()> {
        files::write(&self.file, "")
    }

    fn read(&self) -> Result<String> {
        files::read(&self.file)
    }

    /// Returns whether compaction has got to the highest zone and has isolated pages there.
    fn await_compaction(&self) -> Result<bool> {
        let start = Instant::now();
        let mut before = None;
        while start.elapsed() < PATIENCE {
            let isolated = Counters::vmstat()?.get("compact_isolated");
            if before.is_none() && self.read()?.contains(&self.begin) {
                before = Some(isolated);
            }
            if before.is_some_and(|before| isolated >= before + UNDER_WAY) {
                return Ok(true);
            }
            thread::sleep(LOOK);
        }
        Ok(false)
    }
}

/// Attempts to empty a gigabyte that failed.
fn failures(trace: &str) -> usize {
    let attempts = trace.lines().filter(|line| line.contains(" spb_contig: "));
    attempts
        .filter(|line| line.trim_end().ends_with("failed"))
        .count()
}

impl Outcomes {
    fn report(&self, failed: usize) {
        protocol::metric("requests", self.asked);
        protocol::metric("obtained", self.obtained);
        protocol::metric("attempts_failed", failed);
        protocol::metric("seconds_asking", format_args!("{:.3}", self.seconds));
        protocol::test("compaction_was_under_way", self.at_each(self.compacted));
        protocol::test(
            "every_request_in_the_middle_of_compaction",
            self.at_each(self.obtained),
        );
    }

    /// Whether something was so for every request.
    fn at_each(&self, count: u64) -> Result<()> {
        match count == self.asked {
            true => Ok(()),
            false => Err(format!("{count} of {} requests", self.asked).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_that_failed_are_counted() {
        let line =
            |end| format!(" init-1 [000] ..... 3.1: spb_contig: nid=0 zid=2 pfn=0x1 {end}\n");
        let other = " init-1 [000] ..... 3.1: spb_room: nid=0 failed\n";
        let trace = format!(
            "# tracer: nop\n{}{}{other}",
            line("failed"),
            line("obtained")
        );
        assert_eq!(failures(&trace), 1);
    }
}
