// SPDX-License-Identifier: GPL-2.0-only

//! What does the kernel give when asked for huge pages, and at what price?

use std::thread;
use std::time::Duration;
use std::time::Instant;

use metrics::cost;
use metrics::map;
use metrics::map::BlockUse;
use metrics::possible;

use super::measure;
use super::measure::Live;
use crate::drain;
use crate::hugepages::Outcome;
use crate::hugepages::Size;
use crate::pagemap::Walker;
use crate::protocol;
use crate::sys::stat::Counters;
use crate::Result;

/// Live memory may change by this percentage.
const TOLERANCE: f64 = 1.0;
/// Percentage of free memory asked for in 2 MB pages.
const SHARE_2M: u64 = 90;
/// Kilobytes of a 2 MB page.
const HUGE_KB: u64 = 2048;

/// Live memory counts as this part of all memory at least: where there is hardly any, some pages of a program that come
/// back from swap say nothing.
const LEAST_PART: u64 = 100;

/// Longest time in which reclaim comes to its end, and times in a row in which nothing may have been reclaimed then.
const RECLAIMING: Duration = Duration::from_secs(30);
const CALM: Duration = Duration::from_millis(500);
const CALM_TIMES: u32 = 2;

/// Waits for the end of what kswapd has begun while memory was full: it goes on for a while when there is enough.
fn await_calm() -> Result<()> {
    let start = Instant::now();
    let mut before = Counters::vmstat()?;
    let mut calm = 0;
    while calm < CALM_TIMES && start.elapsed() < RECLAIMING {
        thread::sleep(CALM);
        let now = Counters::vmstat()?;
        calm = match measure::reclaimed(&now.since(&before)) {
            0 => calm + 1,
            _ => 0,
        };
        before = now;
    }
    Ok(())
}

/// Walks memory when it has come to rest, and prints the map.
pub(crate) fn before(walker: &mut Walker) -> Result<Vec<BlockUse>> {
    await_calm()?;
    let left = drain::drain(walker)?;
    let before = walker.walk()?;
    protocol::log(format_args!("per-CPU pages before asking: {left}"));
    protocol::map("before", &map::render(&before));
    measure::log_blocks(&before);
    Ok(before)
}

/// Asks for all 1 GB pages that are possible, gives them back, then asks for 2 MB pages.
pub(crate) fn run(walker: &mut Walker, before: &[BlockUse]) -> Result<()> {
    let possible = possible::possible(before, measure::free_memory()?);
    protocol::metric("possible", possible);
    if possible == 0 {
        protocol::log("no 1 GB page is possible");
    }
    ask_giga(possible, before)?;
    drain::decay();
    protocol::map("after", &map::render(&walker.walk()?));
    Size::Giga.request(0)?;
    ask_huge()
}

/// Asks for `possible` 1 GB pages and prints result, price and what happened to live memory.
fn ask_giga(possible: u64, before: &[BlockUse]) -> Result<()> {
    let live = Live::now()?;
    let events = Counters::vmstat()?;
    let got = Size::Giga.request(possible)?;
    let events = Counters::vmstat()?.since(&events);
    print_live(live, Live::now()?);
    print_giga(possible, got);
    print_price(&events, got.obtained, before);
    Ok(())
}

fn print_giga(possible: u64, got: Outcome) {
    protocol::metric("obtained", got.obtained);
    let share = (possible > 0).then(|| got.obtained as f64 / possible as f64);
    protocol::metric_or_dash("yield", share);
    protocol::metric("seconds_1g", format_args!("{:.3}", got.seconds));
}

fn print_price(events: &Counters, obtained: u64, before: &[BlockUse]) {
    let migrated = events.get("pgmigrate_success");
    let reclaimed = measure::reclaimed(events);
    protocol::metric("migrated", migrated);
    protocol::metric("migration_failed", events.get("pgmigrate_fail"));
    protocol::metric("reclaimed", reclaimed);
    let cost = cost::migration_cost(migrated + reclaimed, obtained, before);
    protocol::metric_or_dash("migration_cost", cost);
    for prefix in ["compact_", "thp_", "pgsteal_"] {
        for (name, count) in events.starting(prefix).filter(|(_, count)| *count > 0) {
            protocol::log(format_args!("while asking: {name} {count}"));
        }
    }
}

/// Prints the changes in percent of what there was, and whether all stayed small.
fn print_live(before: Live, after: Live) {
    let least = (before.total / LEAST_PART).max(1);
    let percent =
        |old: u64, new: u64, of: u64| 100.0 * (new as f64 - old as f64) / of.max(least) as f64;
    let changes = [
        ("anon_change", percent(before.anon, after.anon, before.anon)),
        (
            "cache_change",
            percent(before.cache, after.cache, before.cache),
        ),
        // Of all memory: there may be no swap in use.
        (
            "swap_change",
            percent(before.swap, after.swap, before.total),
        ),
    ];
    for (name, change) in changes {
        protocol::metric(name, format_args!("{change:.3}"));
    }
    let kept = changes.iter().all(|(_, change)| change.abs() <= TOLERANCE);
    protocol::metric("live_kept", if kept { "yes" } else { "no" });
}

/// Asks for most of free memory in 2 MB pages, then gives them back.
fn ask_huge() -> Result<()> {
    let free = Counters::meminfo()?.get("MemFree");
    let asked = free * SHARE_2M / 100 / HUGE_KB;
    let got = Size::TwoMega.request(asked)?;
    protocol::metric("asked_2m", asked);
    protocol::metric("obtained_2m", got.obtained);
    protocol::metric("seconds_2m", format_args!("{:.3}", got.seconds));
    Size::TwoMega.request(0)?;
    Ok(())
}
