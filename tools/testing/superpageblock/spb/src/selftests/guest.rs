// SPDX-License-Identifier: GPL-2.0-only
//! How are tests run in guests, and what did each of them give?

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use anyhow::Result;

use super::compare::Outcome;
use super::plan::Test;
use super::plan::LIMIT;
use super::programs::Programs;
use crate::kernel::Variant;
use crate::memory::Mib;
use crate::session::Boot;
use crate::session::Session;
use crate::transcript::Transcript;

/// Seconds after which a guest starts no further test.
const BUDGET: u64 = 150;
/// Seconds for booting and ending.
const MARGIN: u64 = 60;
/// Multiple of the plan's size: QEMU wants whole sectors.
const SECTOR: usize = 4096;

/// Runs `tests` on one kernel in as many guests as that takes; outcomes are in the order of `tests`.
pub fn run(
    session: &Session,
    programs: &Programs,
    variant: Variant,
    tests: &[&Test],
) -> Result<Vec<Outcome>> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut boots = 0;
    while outcomes.len() < tests.len() {
        let rest = &tests[outcomes.len()..];
        boots += 1;
        let transcript = boot(session, programs, variant, rest, boots)?;
        if !transcript.values.contains_key("selftest") {
            let reason = transcript.failure().or(refusal(&transcript));
            bail!("no test was started: {}", reason.unwrap_or_default());
        }
        let found = outcomes_of(&transcript, rest);
        for outcome in &found {
            println!("{:8} {}", variant.name(), outcome.line());
        }
        outcomes.extend(found);
    }
    Ok(outcomes)
}

/// What the guest program itself complained about.
fn refusal(transcript: &Transcript) -> Option<String> {
    transcript
        .cases
        .iter()
        .find_map(|case| case.failure.clone())
}

fn boot(
    session: &Session,
    programs: &Programs,
    variant: Variant,
    tests: &[&Test],
    number: u64,
) -> Result<Transcript> {
    let disks = vec![
        programs.image(session, variant)?,
        plan(session, variant, tests)?,
    ];
    session.boot(&Boot {
        name: None,
        variant,
        scenario: "selftests".to_string(),
        seed: number,
        arguments: BTreeMap::from([("budget".to_string(), BUDGET.to_string())]),
        cmdline: "printk.devkmsg=on".to_string(),
        memory: Mib::gib(4),
        nodes: 2,
        maxmem: None,
        extra: Vec::new(),
        disks,
        timeout: Duration::from_secs(BUDGET + LIMIT + MARGIN),
    })
}

/// Writes the list of tests as the guest reads it.
fn plan(session: &Session, variant: Variant, tests: &[&Test]) -> Result<PathBuf> {
    let mut text = String::new();
    for (number, test) in tests.iter().enumerate() {
        let words = test.words.join(" ");
        text += &format!("{number} {LIMIT} {} {words}\n", test.uid);
    }
    let size = text.len().next_multiple_of(SECTOR);
    text += &"\n".repeat(size - text.len());
    let path = session
        .project
        .build(format!("disk/selftests-{}.plan", variant.name()));
    fs::write(&path, text)?;
    Ok(path)
}

/// Outcomes of the tests that the guest ran; at least one, so that every boot makes progress.
fn outcomes_of(transcript: &Transcript, tests: &[&Test]) -> Vec<Outcome> {
    let mut logs = logs(transcript);
    let mut outcomes = Vec::new();
    for (number, test) in tests.iter().enumerate() {
        let mut outcome = Outcome::new(&test.name);
        let log = logs.remove(&number).unwrap_or_default();
        outcome.complaints = complaints(transcript, &log);
        if !read(transcript, number, &mut outcome) {
            // The guest stopped early because it was told to; the test gets another one.
            if transcript.done && number > 0 {
                break;
            }
            outcome.end = "no result".to_string();
            outcome.last = transcript.failure().unwrap_or_default();
            outcomes.push(outcome);
            break;
        }
        demand_proof(test, &log, &mut outcome);
        outcomes.push(outcome);
    }
    outcomes
}

/// Reads the values of one test; false when it has no result.
fn read(transcript: &Transcript, number: usize, outcome: &mut Outcome) -> bool {
    let value = |key: &str| transcript.values.get(&format!("selftest.{number}{key}"));
    let failed = format!("selftest.{number}.failed.");
    outcome.failed = transcript
        .values
        .range(failed.clone()..)
        .take_while(|(key, _)| key.starts_with(&failed))
        .map(|(_, name)| name.clone())
        .collect();
    if let Some(violation) = value(".verify") {
        outcome.failed.insert(format!("verify: {violation}"));
    }
    outcome.last = value(".last").cloned().unwrap_or_default();
    let Some(result) = value("") else {
        return false;
    };
    let mut words = result.split_whitespace();
    outcome.end = words.next().unwrap_or("no result").to_string();
    let mut count = || words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    outcome.milliseconds = count();
    outcome.passed = count();
    outcome.skipped = count();
    true
}

/// A test that passes without a trace of its work has not done it.
fn demand_proof(test: &Test, log: &[&str], outcome: &mut Outcome) {
    let Some(proof) = test.proof() else { return };
    if outcome.end == "pass" && !log.iter().any(|line| line.contains(proof)) {
        outcome.end = "not-done".to_string();
        outcome.last = format!("the console does not say '{proof}'");
    }
}

/// Console lines from the start of each test to the start of the next.
fn logs(transcript: &Transcript) -> BTreeMap<usize, Vec<&str>> {
    let mut found: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    let mut running = 0;
    for line in &transcript.lines {
        if let Some((_, number)) = line.split_once("SPB: selftest=") {
            running = number.trim().parse().unwrap_or(running);
        }
        found.entry(running).or_default().push(line.trim());
    }
    found
}

/// The lines by which the kernel complained.
fn complaints(transcript: &Transcript, log: &[&str]) -> Vec<String> {
    let lines = log.iter().map(ToString::to_string);
    lines
        .filter(|line| transcript.splats.contains(line))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(name: &str) -> Test {
        Test {
            name: name.to_string(),
            category: String::new(),
            words: vec![format!("./{name}")],
            uid: 0,
        }
    }

    fn outcomes(lines: &[&str]) -> Vec<Outcome> {
        let mut transcript = Transcript::default();
        for line in lines {
            transcript.take(line);
        }
        let tests = [test("one"), test("two"), test("three")];
        outcomes_of(&transcript, &tests.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_complaint_belongs_to_the_test_that_ran() {
        let found = outcomes(&[
            "[    1.0] SPB: selftest=0",
            "[    1.1] SPB: selftest.0=pass 1500 12 1",
            "[    1.2] SPB: selftest=1",
            "[    1.3] BUG: Bad page state in process two",
            "[    1.4] SPB: selftest.1.failed.0=munmap",
            "[    1.5] SPB: selftest.1=exit-1 20 3 0",
            "SPB: done",
        ]);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].passed, found[0].skipped), (12, 1));
        assert!(found[0].complaints.is_empty());
        assert_eq!(found[1].complaints.len(), 1);
        assert!(found[1].failed.contains("munmap"));
    }

    #[test]
    fn a_test_that_kills_the_guest_is_not_run_again() {
        let found = outcomes(&[
            "SPB: selftest=0",
            "SPB: selftest.0=pass 1 0 0",
            "SPB: selftest=1",
            "Kernel panic - not syncing",
        ]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].end, "no result");
    }

    #[test]
    fn a_script_whose_module_did_nothing_has_not_passed() {
        let test = test("test_page_frag.sh smoke");
        let end = |log: &[&str]| {
            let mut outcome = Outcome::new(&test.name);
            outcome.end = "pass".to_string();
            demand_proof(&test, log, &mut outcome);
            outcome.end
        };
        assert_eq!(end(&["2000000 of iterations for aligned testing"]), "pass");
        assert_eq!(end(&["insmod: unknown symbol"]), "not-done");
    }

    #[test]
    fn a_guest_without_any_result_still_makes_progress() {
        assert_eq!(outcomes(&["SPB: done"]).len(), 1);
    }
}
