// SPDX-License-Identifier: GPL-2.0-only

//! What does it cost that kernel memory grows and shrinks while memory is full?

use std::time::Instant;

use super::kernel::Kernel;
use super::levels::Levels;
use super::movable::Movable;
use crate::protocol;
use crate::scenarios::measure;
use crate::sys::stat::Counters;
use crate::Result;

/// Steps between two samples of non-movable memory.
const STEPS_PER_SAMPLE: u64 = 32;
/// Counters printed for all rounds together.
const EVENTS: [&str; 5] = [
    "pgscan_direct",
    "pgscan_kswapd",
    "oom_kill",
    "compact_stall",
    // Times that kswapd was woken and had work to do.
    "pageoutrun",
];

/// Runs the rounds in memory that is full; it is full again afterwards.
///
/// Returns the peak of non-movable memory in pages, estimated every now and then.
pub(super) fn run(levels: &Levels, movable: &mut Movable, kernel: &mut Kernel) -> Result<u64> {
    let before = Counters::vmstat()?;
    let (mut peak, mut migrated) = (0, 0);
    for round in 1..=levels.rounds {
        let (start, begin) = (Counters::vmstat()?, Instant::now());
        peak = peak.max(grow(levels, movable, kernel)?);
        let milliseconds = begin.elapsed().as_millis();
        migrated += Counters::vmstat()?.since(&start).get("pgmigrate_success");
        protocol::metric(&format!("grow_ms_{round}"), milliseconds);
        measure::log_memory(format_args!("round {round}, grown"))?;

        kernel.shrink(levels.shrunk);
        movable.fill_up(levels)?;
        measure::log_memory(format_args!("round {round}, shrunk and filled up"))?;
    }
    protocol::metric("grow_migrated", migrated);
    print_events(&Counters::vmstat()?.since(&before));
    Ok(peak)
}

/// Lets kernel memory grow, each step into room made for it; returns the peak of non-movable pages.
fn grow(levels: &Levels, movable: &mut Movable, kernel: &mut Kernel) -> Result<u64> {
    let (mut peak, mut steps) = (0, 0);
    while let Some(step) = kernel.next(levels.grown) {
        movable.make_room(levels.free_kb + step.kilobytes())?;
        kernel.grow(step)?;
        steps += 1;
        if steps % STEPS_PER_SAMPLE == 0 {
            peak = peak.max(measure::nonmovable_estimate()?);
        }
    }
    Ok(peak.max(measure::nonmovable_estimate()?))
}

fn print_events(events: &Counters) {
    protocol::metric("rounds_allocstall", events.sum_starting("allocstall"));
    for name in EVENTS {
        protocol::metric(&format!("rounds_{name}"), events.get(name));
    }
}
