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
use crate::verify;
use crate::Result;

/// Compaction begins when this is written, and goes on while there is anything to gain.
const PROACTIVENESS: (&str, &str) = ("/proc/sys/vm/compaction_proactiveness", "100");
/// Compaction has come so far when the page is asked for, in pages.
const UNDER_WAY: u64 = 4096;
const PATIENCE: Duration = Duration::from_secs(20);

/// What the requests came to.
#[derive(Default)]
struct Outcomes {
    asked: u64,
    obtained: u64,
    /// Those in whose time compaction went on, or had just been at work.
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
    let tracing = mounts::mount_tracing()?;
    if verify::patched() {
        files::write(
            format!("{tracing}/events/superpageblock/spb_contig/enable"),
            "1",
        )?;
    }
    let mut outcomes = Outcomes::default();
    for _ in 0..cmdline.number("requests", 8) {
        ask_once(&levels, &mut movable, &mut outcomes)?;
    }
    let failed = failed(&files::read(format!("{tracing}/trace"))?);
    outcomes.report(failed);
    verify::report("at_end");
    protocol::test("contents_kept", movable.check());
    Ok(())
}

fn ask_once(levels: &Levels, movable: &mut Movable, outcomes: &mut Outcomes) -> Result<()> {
    movable.fill_up(levels)?;
    movable.keep(levels.live_pages)?;
    outcomes.compacted += u64::from(begin_compaction()?);
    let got = Size::Giga.request(1)?;
    outcomes.asked += 1;
    outcomes.obtained += got.obtained;
    outcomes.seconds += got.seconds;
    Size::Giga.request(0)?;
    Ok(())
}

/// Has compaction begin; returns whether it is under way.
fn begin_compaction() -> Result<bool> {
    let (start, before) = (Instant::now(), isolated()?);
    files::write(PROACTIVENESS.0, PROACTIVENESS.1)?;
    while start.elapsed() < PATIENCE {
        if isolated()? > before + UNDER_WAY {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(false)
}

/// Pages that compaction has isolated since boot.
fn isolated() -> Result<u64> {
    Ok(Counters::vmstat()?.get("compact_isolated"))
}

/// Attempts to empty a gigabyte that failed, so far as they are traced.
fn failed(trace: &str) -> usize {
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
        protocol::test("compaction_was_under_way", self.compaction_was_under_way());
        protocol::test(
            "every_request_in_the_middle_of_compaction",
            self.all_obtained(),
        );
    }

    fn compaction_was_under_way(&self) -> Result<()> {
        match self.compacted {
            all if all == self.asked => Ok(()),
            some => Err(format!("at {some} of {} requests", self.asked).into()),
        }
    }

    fn all_obtained(&self) -> Result<()> {
        match self.obtained {
            all if all == self.asked => Ok(()),
            some => Err(format!("{some} of {} requests", self.asked).into()),
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
        assert_eq!(failed(&trace), 1);
    }
}
