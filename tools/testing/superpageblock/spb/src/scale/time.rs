// SPDX-License-Identifier: GPL-2.0-only
//! How long does each operation take here? Criterion's medians, for what a shared machine's clock is worth.

use std::fs;

use anyhow::ensure;
use anyhow::Result;

use crate::cmd;
use crate::project::Project;
use crate::scale;

/// What criterion says of one operation: its name, and the interval of its time.
#[derive(Debug, PartialEq)]
struct Time {
    name: String,
    interval: String,
}

/// Runs the benchmarks and prints their times.
pub fn run(project: &Project) -> Result<()> {
    let log = project.build("log/scale-time.log");
    let mut bench = scale::cargo(project, &["bench", "--bench", "time"]);
    bench.args(["--features", "time", "--", "--noplot"]);
    cmd::logged(&mut bench, &log, "timing the policy", "cases", |line| {
        line.contains(UNIT)
    })?;
    let times = read(&fs::read_to_string(&log)?);
    ensure!(!times.is_empty(), "no times in {}", log.display());
    println!("time of one operation, 95 % interval of the median or slope");
    for time in times {
        println!("  {:<60}{}", time.name, time.interval);
    }
    Ok(())
}

/// Comes before an interval.
const UNIT: &str = "time:   [";

/// The times in criterion's output, where long names have a line of their own.
fn read(text: &str) -> Vec<Time> {
    let mut above = "";
    let mut times = Vec::new();
    for line in text.lines() {
        let Some((name, interval)) = line.split_once(UNIT) else {
            // Its other stream, which may come in between.
            if !line.starts_with("Benchmarking ") {
                above = line.trim();
            }
            continue;
        };
        let name = match name.trim() {
            "" => above,
            name => name,
        };
        let interval = interval.trim_end_matches(']');
        times.push(Time {
            name: name.to_string(),
            interval: interval.to_string(),
        });
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_before_the_time_or_above_it() {
        let text = "a/8 GB  time:   [1.0 ns 2.0 ns 3.0 ns]\n\
                    Found 1 outliers\n\
                    a long name\nBenchmarking x: Warming up\n          time:   [4 ms 5 ms 6 ms]\n";
        let time = |name: &str, interval: &str| Time {
            name: name.to_string(),
            interval: interval.to_string(),
        };
        let wanted = [
            time("a/8 GB", "1.0 ns 2.0 ns 3.0 ns"),
            time("a long name", "4 ms 5 ms 6 ms"),
        ];
        assert_eq!(read(text), wanted);
    }
}
