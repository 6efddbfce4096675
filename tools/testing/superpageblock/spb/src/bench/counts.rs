// SPDX-License-Identifier: GPL-2.0-only
//! How many instructions did a guest count, by row?

use std::collections::BTreeMap;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::transcript::Transcript;

/// Where the figures begin among what a guest reports.
const PREFIX: &str = "bench.";
/// What stands for figures where memory was not as a row needs it.
const NONE: &str = "none";
/// Instructions of the loop by which the clock is checked.
const MILLION: u64 = 1_000_000;
/// What looking at the clock may add to that.
const SLACK: u64 = 100;

/// What one kind of operation took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count {
    /// Operations in a repetition.
    pub operations: u64,
    /// Instructions of the cheapest repetition.
    pub least: u64,
}

/// All rows of a guest by name: `STATE.CLASS.ROW.OPERATION`.
pub type Counts = BTreeMap<String, Count>;

/// Reads what a guest reported.
///
/// # Errors
///
/// If its clock does not count instructions, a row failed, or there is none.
pub fn read(transcript: &Transcript) -> Result<Counts> {
    if let Some(reason) = transcript.failure() {
        bail!("{reason}; the console is in build/log");
    }
    if let Some(case) = transcript.cases.iter().find(|c| c.failure.is_some()) {
        let reason = case.failure.as_deref().unwrap_or_default();
        bail!("{}: {reason}", case.name);
    }
    clock(transcript)?;
    rows(transcript)
}

/// The same of a guest whose clock counts time; that no row failed was looked at.
pub fn rows(transcript: &Transcript) -> Result<Counts> {
    let mut counts = Counts::new();
    for (key, value) in &transcript.values {
        if let Some(name) = key.strip_prefix(PREFIX).filter(|_| value != NONE) {
            let count = parse(value).with_context(|| format!("{key}={value}: not four numbers"))?;
            counts.insert(name.to_string(), count);
        }
    }
    match counts.is_empty() {
        true => bail!("the guest measured nothing"),
        false => Ok(counts),
    }
}

fn clock(transcript: &Transcript) -> Result<()> {
    let ticks = transcript.values.get("bench_ticks_per_million");
    let ticks: u64 = ticks
        .and_then(|text| text.parse().ok())
        .context("the guest does not say what its clock counts")?;
    if ticks.abs_diff(MILLION) > SLACK {
        bail!("a million instructions are {ticks} ticks of the guest's clock: it must count instructions");
    }
    Ok(())
}

/// Operations, repetitions, least and total.
fn parse(text: &str) -> Option<Count> {
    let numbers: Option<Vec<u64>> = text.split(' ').map(|word| word.parse().ok()).collect();
    match numbers?[..] {
        [operations, repetitions, least, _] if operations > 0 && repetitions > 0 => {
            Some(Count { operations, least })
        }
        _ => None,
    }
}

impl Count {
    /// Instructions of one operation.
    pub fn each(self) -> f64 {
        self.least as f64 / self.operations as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> Transcript {
        let mut transcript = Transcript::default();
        for line in lines {
            transcript.take(line);
        }
        transcript
    }

    const CLOCK: &str = "SPB: bench_ticks_per_million=1000001";
    const ROW: &str = "SPB: bench.fresh.percpu.repeat.pair=100 3 5000 16000";
    const DONE: &str = "SPB: done";

    #[test]
    fn rows_are_read_by_name() -> Result<()> {
        let counts = read(&said(&[CLOCK, ROW, DONE]))?;
        let count = counts["fresh.percpu.repeat.pair"];
        assert_eq!((count.operations, count.least), (100, 5000));
        assert_eq!(count.each(), 50.0);
        Ok(())
    }

    #[test]
    fn a_clock_that_counts_something_else_is_refused() {
        let fast = "SPB: bench_ticks_per_million=2400000";
        assert!(read(&said(&[fast, ROW, DONE])).is_err());
        assert!(read(&said(&[ROW, DONE])).is_err());
    }

    #[test]
    fn a_guest_without_rows_or_with_a_failed_one_is_refused() {
        assert!(read(&said(&[CLOCK, DONE])).is_err());
        let failed = "SPB-TEST fresh.percpu.repeat FAIL no memory";
        assert!(read(&said(&[CLOCK, ROW, failed, DONE])).is_err());
        let broken = "SPB: bench.fresh.percpu.repeat.pair=100 3 many 16000";
        assert!(read(&said(&[CLOCK, broken, DONE])).is_err());
        assert!(read(&said(&[CLOCK, ROW])).is_err());
    }
}
