// SPDX-License-Identifier: GPL-2.0-only

//! How many 1 GB pages does the kernel give after memory was fragmented?

use std::path::Path;
use std::time::Instant;

use metrics::map;
use metrics::map::BlockUse;
use metrics::possible;

use super::measure;
use super::request;
use crate::cmdline::Cmdline;
use crate::drain;
use crate::pagemap::Walker;
use crate::protocol;
use crate::sys::files;
use crate::sys::mounts;
use crate::sys::power;
use crate::sys::process;
use crate::sys::stat::Counters;
use crate::verify;
use crate::workload::crew::Crew;
use crate::workload::crew::Phase;
use crate::workload::plan::Plan;
use crate::Result;

const DEFRAG_MODE: &str = "/proc/sys/vm/defrag_mode";
/// What the kernel did to keep its memory together, where it is patched.
pub(super) const ROOM: &str = "/sys/kernel/debug/superpageblock/room";

/// Fragments memory, measures, asks for huge pages, and prints it all.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    let mut begun = begin()?;
    let plan = Plan::new(cmdline, begun.total_kb);
    let directory = if mounts::mount_disk() {
        mounts::DISK
    } else {
        mounts::RAM
    };
    let mut crew = Crew::start(plan, Path::new(directory))?;
    let sampled = fragment(&mut crew, plan)?;
    protocol::metric("seconds_workload", seconds(begun.at));

    ask(&mut begun.walker, sampled)?;
    drop(crew);
    begun.end()
}

/// How things were before a workload.
pub(super) struct Begun {
    pub(super) at: Instant,
    events: Counters,
    /// All memory, in kilobytes.
    pub(super) total_kb: u64,
    pub(super) walker: Walker,
}

/// Says how things are.
pub(super) fn begin() -> Result<Begun> {
    let at = Instant::now();
    let events = Counters::vmstat()?;
    let total_kb = Counters::meminfo()?.get("MemTotal");
    protocol::metric("memtotal_kb", total_kb);
    let mut walker = Walker::new()?;
    boot_state(&mut walker)?;
    Ok(Begun {
        at,
        events,
        total_kb,
        walker,
    })
}

impl Begun {
    /// Says what happened since, and that the scenario is through.
    pub(super) fn end(self) -> Result<()> {
        print_events(&Counters::vmstat()?.since(&self.events));
        protocol::metric("seconds_total", seconds(self.at));
        protocol::ok("scenario");
        Ok(())
    }
}

/// Runs `body` in a process of its own, for when memory runs out the kernel would panic rather than kill PID 1;
/// says what happened meanwhile.
pub(super) fn apart(name: &str, body: impl FnOnce() -> Result<()>) -> Result<()> {
    let at = Instant::now();
    let before = Counters::vmstat()?;
    let outcome = process::run(name, body);
    let events = Counters::vmstat()?.since(&before);
    print_events(&events);
    protocol::metric("seconds_total", seconds(at));
    protocol::test("no_oom_kill", none_killed(events.get("oom_kill")));
    say_room();
    outcome?;
    protocol::ok("scenario");
    Ok(())
}

/// Says how room was made, where the kernel is patched.
pub(super) fn say_room() {
    let room = Counters::file(ROOM);
    for (name, value) in room.starting("") {
        protocol::metric(&format!("room_{name}"), value);
    }
    if let Some(pages) = room.get("moved").checked_div(room.get("emptied")) {
        protocol::metric("room_pages_per_pageblock", pages);
    }
}

fn none_killed(count: u64) -> Result<()> {
    match count {
        0 => Ok(()),
        _ => Err(format!("{count} processes were killed for want of memory").into()),
    }
}

/// Turns `vm.defrag_mode` on where `spb.arg.defrag` says so.
pub(super) fn set_defrag_mode(cmdline: &Cmdline) -> Result<()> {
    match cmdline.number("defrag", 0) {
        0 => Ok(()),
        _ => files::write(DEFRAG_MODE, "1"),
    }
}

/// Says what boot left tainted.
pub(super) fn boot_state(walker: &mut Walker) -> Result<()> {
    let left = drain::drain(walker)?;
    let blocks = walker.walk()?;
    protocol::metric("boot_tainted", map::tainted(&blocks));
    measure::log_blocks(&blocks);
    protocol::log(format_args!(
        "boot {} per-CPU pages {left}",
        map::render(&blocks)
    ));
    Ok(())
}

/// Runs the rounds; returns the peak of non-movable memory in pages, estimated every now and then.
pub(super) fn fragment(crew: &mut Crew, plan: Plan) -> Result<u64> {
    let mut peak = 0;
    for number in 1..=plan.rounds {
        peak = peak.max(round(crew, number)?);
    }
    Ok(peak)
}

/// One round; returns that peak within it.
pub(super) fn round(crew: &mut Crew, number: u64) -> Result<u64> {
    let mut peak = 0;
    for phase in [Phase::Grow, Phase::Shrink] {
        let start = Instant::now();
        crew.run(phase, || {
            peak = peak.max(measure::nonmovable_estimate()?);
            Ok(())
        })?;
        measure::log_memory(format_args!(
            "round {number} {phase:?}: {} s",
            seconds(start)
        ))?;
    }
    Ok(peak)
}

/// Asks for huge pages; `sampled` is the peak of non-movable memory so far, in pages.
pub(super) fn ask(walker: &mut Walker, sampled: u64) -> Result<()> {
    // Dirty pages would be written back in the middle of the measurement.
    power::write_back();
    ask_unwritten(walker, sampled)
}

/// The same, whatever is dirty.
pub(super) fn ask_unwritten(walker: &mut Walker, sampled: u64) -> Result<()> {
    let before = request::before(walker)?;
    fragmented(&before, sampled)?;
    verify::report("after_workload");
    request::run(walker, &before)?;
    verify::report("after_run");
    Ok(())
}

/// Says how far non-movable memory spread.
fn fragmented(blocks: &[BlockUse], sampled: u64) -> Result<()> {
    let walked = map::nonmovable(blocks);
    let estimated = measure::nonmovable_estimate()?;
    protocol::log(format_args!(
        "non-movable pages: walked {walked}, estimated {estimated}"
    ));
    let peak = sampled.max(walked);
    let tainted = map::tainted(blocks);
    protocol::metric("tainted", tainted);
    protocol::metric("peak_nonmovable_mb", measure::megabytes(peak));
    let bytes = measure::bytes(peak);
    protocol::metric_or_dash("spread", possible::spread(tainted, bytes));
    Ok(())
}

/// Prints what reclaim had to do.
fn print_events(events: &Counters) {
    protocol::metric("pgscan", measure::scanned(events));
    protocol::metric("allocstall", events.sum_starting("allocstall"));
    protocol::metric("oom_kill", events.get("oom_kill"));
}

/// Seconds passed, for people.
pub(super) fn seconds(since: Instant) -> String {
    format!("{:.2}", since.elapsed().as_secs_f64())
}
