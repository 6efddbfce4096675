// SPDX-License-Identifier: GPL-2.0-only

//! Does kernel memory stay in as few gigabytes however long the machine is busy?

use std::path::Path;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::run;
use crate::cmdline::Cmdline;
use crate::gigabytes;
use crate::gigabytes::Gigabyte;
use crate::kworkers::Share;
use crate::protocol;
use crate::sys::mounts;
use crate::verify;
use crate::workload::crew::Crew;
use crate::workload::plan::Plan;
use crate::Result;

/// Time in which gigabytes whose kernel memory has gone must be clean.
const CLEAN_WITHIN: Duration = Duration::from_secs(60);

/// Fills and empties memory again and again, asks for huge pages, then ends all that holds memory.
///
/// `spb.arg.rounds` is how often, at least, and `minutes` for how long; else as for `run`.
pub(crate) fn soak(cmdline: &Cmdline) -> Result<()> {
    let mut begun = run::begin()?;
    let plan = Plan::new(cmdline, begun.total_kb);
    let mut crew = Crew::start(plan, Path::new(mounts::RAM))?;
    let until = Duration::from_secs(60 * cmdline.number("minutes", 0));
    let (mut tainted, mut peak) = (Vec::new(), 0);
    let mut share = Share::start()?;
    while (tainted.len() as u64) < plan.rounds || begun.at.elapsed() < until {
        let number = tainted.len() as u64 + 1;
        peak = peak.max(run::round(&mut crew, number)?);
        let now = count()?.tainted;
        tainted.push(now);
        verify::check()?;
        share.look()?;
        protocol::log(format_args!("round {number}: {now} tainted"));
    }
    protocol::metric("rounds", tainted.len());
    protocol::test("kernel_memory_does_not_spread", no_growth(&tainted));
    protocol::test(
        "unbound_workers_take_little",
        share.report("share_of_workers"),
    );
    run::say_room();
    run::ask(&mut begun.walker, peak)?;
    drop(crew);
    protocol::test("what_is_free_is_clean", clean_in_time());
    begun.end()
}

/// Gigabytes with memory that cannot move but what boot has reserved, and those of them that are wholly free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    tainted: u64,
    free: u64,
}

fn count() -> Result<Count> {
    Ok(count_in(&gigabytes::list()?))
}

fn count_in(gigabytes: &[Gigabyte]) -> Count {
    let tainted = |gigabyte: &&Gigabyte| gigabyte.state.ends_with("tainted");
    let tainted: Vec<&Gigabyte> = gigabytes.iter().filter(tainted).collect();
    let free = tainted.iter().filter(|g| g.present == g.free);
    Count {
        tainted: tainted.len() as u64,
        free: free.count() as u64,
    }
}

/// Over the last half of the rounds, does the line through the numbers of tainted gigabytes rise?
fn no_growth(tainted: &[u64]) -> Result<()> {
    let last = &tainted[tainted.len() / 2..];
    let slope = slope(last);
    protocol::metric("slope", format_args!("{slope:.4}"));
    match slope <= 0.0 {
        true => Ok(()),
        false => Err(format!("{slope:.4} gigabytes more each round: {tainted:?}").into()),
    }
}

/// Of the least-squares line through the values at 0, 1, 2 …
fn slope(values: &[u64]) -> f64 {
    let n = values.len() as f64;
    let (mean_x, mean_y) = ((n - 1.0) / 2.0, values.iter().sum::<u64>() as f64 / n);
    let (mut above, mut below) = (0.0, 0.0);
    for (x, y) in values.iter().enumerate() {
        let dx = x as f64 - mean_x;
        above += dx * (*y as f64 - mean_y);
        below += dx * dx;
    }
    match below > 0.0 {
        true => above / below,
        false => 0.0,
    }
}

fn clean_in_time() -> Result<()> {
    let begin = Instant::now();
    loop {
        let left = count()?;
        if left.free == 0 {
            protocol::metric("tainted_when_ended", left.tainted);
            return Ok(());
        }
        if begin.elapsed() > CLEAN_WITHIN {
            return Err(format!("{left:?} after {CLEAN_WITHIN:?}").into());
        }
        thread::sleep(Duration::from_secs(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_rises_if_its_end_is_higher() {
        assert_eq!(slope(&[1, 2, 3]), 1.0);
        assert_eq!(slope(&[2, 2]), 0.0);
        assert!(slope(&[3, 1, 2]) < 0.0);
        assert_eq!(slope(&[7]), 0.0);
        assert!(no_growth(&[9, 9, 2, 3]).is_err());
        assert!(no_growth(&[1, 2, 3, 3]).is_ok());
    }

    #[test]
    fn wholly_free_tainted_gigabytes_are_counted() {
        let blocks = "node zone start-pfn state present free order dirty\n\
                      0 DMA32 0x0 reserved 10 10 1 1\n\
                      0 Normal 0x40000 tainted 262144 7 10 1\n\
                      0 Normal 0x80000 partial-tainted 50 50 1 1\n\
                      0 Normal 0xc0000 clean 262144 262144 10 0\n";
        let expected = Count {
            tainted: 2,
            free: 1,
        };
        assert_eq!(count_in(&gigabytes::parse(blocks)), expected);
    }
}
