// SPDX-License-Identifier: GPL-2.0-only

//! Does the policy come and go many times, idle and under churn, without losing a page?

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::balance::Balance;
use super::state;
use crate::cmdline::Cmdline;
use crate::pagemap::Walker;
use crate::protocol;
use crate::scenarios::request;
use crate::sys::files;
use crate::sys::kmsg::Kmsg;
use crate::sys::mounts;
use crate::sys::power;
use crate::sys::process::Child;
use crate::verify;
use crate::workload::crew::Crew;
use crate::workload::crew::Phase;
use crate::workload::plan::Plan;
use crate::Result;

/// Cycles after which caches of the module loader have their size.
const WARM_UP: u64 = 3;
/// Cycles on the idle machine that are counted.
const IDLE: u64 = 20;
/// Pages that idle cycles may cost together: one lost page a cycle is too many.
const IDLE_SLACK: u64 = IDLE - 1;
/// Pages that may go where no counter knows them while the workload comes and goes.
const CHURN_LOST: u64 = 256;
/// Free pages in a thousand that may stay used after the workload, by slab above all.
const CHURN_USED: u64 = 20;
/// Tells the reader to stop.
const ENOUGH: &str = "/tmp/enough";

/// Insmod and rmmod, in turn, with what the kernel says about them.
struct Cycles {
    log: Kmsg,
    attached: bool,
    steps: u64,
    longest_us: u64,
}

impl Cycles {
    fn new() -> Result<Self> {
        Ok(Self {
            log: Kmsg::from_now()?,
            attached: false,
            steps: 0,
            longest_us: 0,
        })
    }

    /// Full cycles done.
    fn done(&self) -> u64 {
        self.steps / 2
    }

    /// Attaches if it is not attached, detaches if it is; checks that it is so.
    fn step(&mut self) -> Result<()> {
        let at = self.done() + 1;
        let (what, outcome) = match self.attached {
            false => ("attach", state::attach("")),
            true => ("detach", state::detach()),
        };
        outcome.map_err(|error| format!("cycle {at}, {what}: {error}"))?;
        self.attached = !self.attached;
        self.steps += 1;
        self.listen()
    }

    /// Takes the longest step from what the kernel has said; it must have said something.
    fn listen(&mut self) -> Result<()> {
        let mark = match self.attached {
            true => "superpageblock: attached ",
            false => "superpageblock: detached ",
        };
        let lines = self.log.lines();
        let Some(line) = lines.iter().find(|line| line.contains(mark)) else {
            return Err(format!("the kernel said {lines:?}, not '{mark}'").into());
        };
        if self.attached {
            let step = longest_step(line).ok_or_else(|| format!("no longest step in '{line}'"))?;
            self.longest_us = self.longest_us.max(step);
        }
        Ok(())
    }
}

/// Cycles on an idle machine, which must not cost one page each.
pub(super) fn idle() -> Result<()> {
    let mut cycles = Cycles::new()?;
    while cycles.done() < WARM_UP {
        cycles.step()?;
    }
    // A kworker that is created meanwhile costs some pages once, a lost page comes back.
    let outcome = idle_batch(&mut cycles).or_else(|error| {
        protocol::log(format_args!("once more: {error}"));
        idle_batch(&mut cycles)
    });
    protocol::metric("idle_longest_step_us", cycles.longest_us);
    protocol::test("idle_cycles_cost_nothing", outcome);
    verify::report("after_idle_cycles");
    Ok(())
}

fn idle_batch(cycles: &mut Cycles) -> Result<()> {
    let before = Balance::at_rest()?;
    let end = cycles.done() + IDLE;
    while cycles.done() < end {
        cycles.step()?;
    }
    before.compare(Balance::at_rest()?, "idle", IDLE_SLACK, IDLE_SLACK)
}

/// As many cycles as `spb.arg.cycles` says while memory is filled and freed and debugfs is read; then,
/// attached, one more round and a request for all possible 1 GB pages.
pub(super) fn under_churn(cmdline: &Cmdline, total_kb: u64) -> Result<()> {
    let wanted = cmdline.number("cycles", 50);
    let before = Balance::at_rest()?;
    let reader = Child::spawn("reader", read_on)?;
    let mut crew = Crew::start(Plan::new(cmdline, total_kb), Path::new(mounts::RAM))?;
    let mut cycles = Cycles::new()?;
    let outcome = churn(&mut crew, &mut cycles, wanted);
    protocol::metric("cycles", cycles.done());
    protocol::metric("longest_step_us", cycles.longest_us);
    protocol::test("cycles_under_churn", outcome);
    fs::write(ENOUGH, "")?;
    protocol::test("reading_meanwhile", reader.wait());
    fs::remove_file(ENOUGH)?;
    quality(&mut crew, &mut cycles)?;
    drop(crew);
    let after = Balance::at_rest()?;
    protocol::test(
        "no_page_lost",
        before.compare(after, "churn", CHURN_LOST, total_kb / 4 * CHURN_USED / 1000),
    );
    Ok(())
}

fn churn(crew: &mut Crew, cycles: &mut Cycles, wanted: u64) -> Result<()> {
    while cycles.done() < wanted {
        for phase in [Phase::Grow, Phase::Shrink] {
            crew.run(phase, || match cycles.done() < wanted {
                true => cycles.step(),
                false => Ok(()),
            })?;
        }
        protocol::log(format_args!("{} cycles", cycles.done()));
    }
    Ok(())
}

/// What the policy makes of a machine that was fragmented before it attached.
fn quality(crew: &mut Crew, cycles: &mut Cycles) -> Result<()> {
    if !cycles.attached {
        cycles.step()?;
    }
    crew.run(Phase::Grow, || Ok(()))?;
    crew.run(Phase::Shrink, || Ok(()))?;
    let mut walker = Walker::new()?;
    power::write_back();
    let blocks = request::before(&mut walker)?;
    request::run(&mut walker, &blocks)?;
    verify::report("after_request");
    protocol::test("detach_at_end", cycles.step());
    Ok(())
}

/// Reads what debugfs shows until told to stop.
fn read_on() -> Result<()> {
    while !Path::new(ENOUGH).exists() {
        for name in ["summary", "blocks"] {
            files::read(format!("{}/{name}", verify::DIR))?;
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// No step of attaching may lock a zone for longer than stock's longest, which a KUnit suite has timed
/// at boot. For a machine whose clock counts instructions: on others the host interrupts steps.
pub(super) fn pace() -> Result<()> {
    let mut cycles = Cycles::new()?;
    while cycles.done() < WARM_UP {
        cycles.step()?;
    }
    let step_us = cycles.longest_us;
    let lines = Kmsg::from_start()?.lines();
    let stock_ns = lines.iter().find_map(|line| stock_step(line));
    let stock_ns = stock_ns.ok_or("no suite has timed the move of a pageblock")?;
    protocol::metric("longest_step_us", step_us);
    protocol::metric("stock_step_ns", stock_ns);
    match step_us * 1000 <= stock_ns {
        true => Ok(()),
        false => Err(format!("{step_us} us, moving a pageblock takes {stock_ns} ns").into()),
    }
}

/// The number in `moving half a pageblock of single pages: N ns`.
fn stock_step(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("of single pages: ")?;
    rest.strip_suffix(" ns")?.parse().ok()
}

/// The number in `… longest step N us`.
fn longest_step(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("longest step ")?;
    let (number, unit) = rest.split_once(' ')?;
    (unit.trim() == "us").then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_of_stock_is_in_nanoseconds() {
        let line = "# spb_moving_a_pageblock: moving half a pageblock of single pages: 87 ns";
        assert_eq!(stock_step(line), Some(87));
        assert_eq!(
            stock_step("moving half a pageblock of single pages: 87 us"),
            None
        );
    }

    #[test]
    fn the_longest_step_is_in_microseconds() {
        let line = "superpageblock: attached 2 zones, 4 blocks of 1 GB, longest step 87 us";
        assert_eq!(longest_step(line), Some(87));
        assert_eq!(longest_step("longest step 87 ns"), None);
        assert_eq!(longest_step("superpageblock: attached 2 zones"), None);
    }
}
