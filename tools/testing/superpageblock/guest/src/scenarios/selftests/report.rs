// SPDX-License-Identifier: GPL-2.0-only

//! What is the host told about a test?
//!
//! Lines go through the kernel log: the kernel's own complaints then stand between the lines of the test
//! that caused them, and never in the middle of one.

use std::fs::OpenOptions;
use std::io::Write;

use super::ktap::Cases;
use super::plan::Test;
use super::program::End;
use super::program::Run;
use crate::Result;

/// The kernel cuts longer lines off.
const LONGEST: usize = 400;
/// Lines of output that are shown of a test that did not pass.
const TAIL: usize = 25;

/// Says that the test is about to run.
pub(crate) fn starts(test: &Test) -> Result<()> {
    say(&format!("SPB: selftest={}", test.number))
}

/// Says what came of it: `selftest.N=end milliseconds passed skipped`, and each failed case.
pub(crate) fn ended(test: &Test, run: &Run, cases: &Cases, violation: Option<&str>) -> Result<()> {
    let number = test.number;
    for (at, name) in cases.failed.iter().enumerate() {
        say(&format!("SPB: selftest.{number}.failed.{at}={name}"))?;
    }
    if let Some(text) = violation {
        say(&format!("SPB: selftest.{number}.verify={text}"))?;
    }
    if run.end != End::Passed || !cases.failed.is_empty() {
        tail(number, &run.output)?;
    }
    say(&format!(
        "SPB: selftest.{number}={} {} {} {}",
        word(run.end),
        run.took.as_millis(),
        cases.passed,
        cases.skipped
    ))
}

fn tail(number: u32, output: &str) -> Result<()> {
    let lines: Vec<&str> = output.lines().filter(|l| !l.trim().is_empty()).collect();
    for line in &lines[lines.len().saturating_sub(TAIL)..] {
        say(&format!("SPB-LOG {number}| {line}"))?;
    }
    if let Some(line) = lines.iter().rev().find(|line| !is_total(line)) {
        say(&format!("SPB: selftest.{number}.last={line}"))?;
    }
    Ok(())
}

/// A line that counts, and explains nothing.
fn is_total(line: &str) -> bool {
    line.contains("Totals: ") || (line.starts_with("1..") && !line.contains("SKIP"))
}

fn word(end: End) -> String {
    match end {
        End::Passed => "pass".to_string(),
        End::Skipped => "skip".to_string(),
        End::Failed(code) => format!("exit-{code}"),
        End::Killed(signal) => format!("signal-{signal}"),
        End::TimedOut => "timeout".to_string(),
    }
}

/// One line at a level that reaches the console.
fn say(text: &str) -> Result<()> {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect();
    let mut log = OpenOptions::new().write(true).open("/dev/kmsg")?;
    log.write_all(format!("<4>{clean}").as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_skips_all_explains_why() {
        assert!(is_total("1..6"));
        assert!(is_total("# Totals: pass:4 fail:2"));
        assert!(!is_total("1..0 # SKIP no such file"));
    }

    #[test]
    fn an_end_is_one_word() {
        for end in [End::Failed(1), End::Killed(9), End::TimedOut] {
            assert!(!word(end).contains(' '));
        }
    }
}
