// SPDX-License-Identifier: GPL-2.0-only
//! Is a test's outcome on patched worse than on stock?

use std::collections::BTreeSet;

use anyhow::bail;
use anyhow::Result;

use crate::cases::Cases;

/// What one test gave on one kernel.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Its command.
    pub name: String,
    /// `pass`, `skip`, or how it ended otherwise.
    pub end: String,
    /// How long it took.
    pub milliseconds: u64,
    /// Cases that passed, where it names cases.
    pub passed: u64,
    /// Cases that were not applicable.
    pub skipped: u64,
    /// Names of the cases that failed.
    pub failed: BTreeSet<String>,
    /// What the kernel complained about.
    pub complaints: Vec<String>,
    /// The last line of its output, where it did not pass.
    pub last: String,
}

impl Outcome {
    /// An outcome without result.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_string(),
            ..Self::default()
        }
    }

    /// Why it counts as failed by itself, if it does.
    pub fn complaint(&self) -> Option<String> {
        if let Some(line) = self.complaints.first() {
            return Some(line.clone());
        }
        if let Some(case) = self.failed.first() {
            return Some(format!("{} cases, among them: {case}", self.failed.len()));
        }
        match self.end.as_str() {
            "pass" | "skip" => None,
            end => Some(format!("{end}: {}", self.last)),
        }
    }

    /// One line for a person who watches.
    pub fn line(&self) -> String {
        let end = match self.end.as_str() {
            "skip" => format!("{} ({})", self.cell(), self.last),
            _ => self.cell(),
        };
        format!("{:34} {end}", self.name)
    }

    /// The outcome in a table.
    fn cell(&self) -> String {
        let mut cell = format!("{} {:.1} s", self.end, self.milliseconds as f64 / 1000.0);
        let cases = self.passed + self.skipped + self.failed.len() as u64;
        if cases > 0 {
            cell += &format!(", {}/{cases}", self.passed);
        }
        if self.skipped > 0 {
            cell += &format!(", {} skipped", self.skipped);
        }
        if !self.complaints.is_empty() {
            cell += ", kernel complained";
        }
        cell
    }

    /// What is bad about it, comparable between kernels and runs.
    fn problems(&self) -> BTreeSet<String> {
        let mut problems: BTreeSet<String> =
            self.failed.iter().map(|c| format!("case {c}")).collect();
        if self.end != "pass" {
            problems.insert(self.end.clone());
        }
        if !self.complaints.is_empty() {
            problems.insert("the kernel complained".to_string());
        }
        problems
    }
}

/// Outcomes of one test on both kernels, in all rounds.
pub struct Pair {
    stock: Vec<Outcome>,
    patched: Vec<Outcome>,
}

impl Pair {
    /// The first round.
    pub fn new(stock: Outcome, patched: Outcome) -> Self {
        Self {
            stock: vec![stock],
            patched: vec![patched],
        }
    }

    /// Adds a further round.
    pub fn add(&mut self, other: Self) {
        self.stock.extend(other.stock);
        self.patched.extend(other.patched);
    }

    /// Whether patched was in every round worse than stock ever was.
    pub fn is_worse(&self) -> bool {
        self.worse_rounds() == self.patched.len()
    }

    fn worse_rounds(&self) -> usize {
        let worse = |patched: &&Outcome| self.reason(patched).is_some();
        self.patched.iter().filter(worse).count()
    }

    /// What `patched` shows that no round of stock did.
    fn reason(&self, patched: &Outcome) -> Option<String> {
        let known: BTreeSet<String> = self.stock.iter().flat_map(Outcome::problems).collect();
        if let Some(problem) = patched.problems().difference(&known).next() {
            return Some(problem.clone());
        }
        let most = self.stock.iter().map(|o| o.skipped).max().unwrap_or(0);
        if patched.skipped > most {
            return Some(format!(
                "{} cases skipped, {most} on stock",
                patched.skipped
            ));
        }
        let least = self.stock.iter().map(|o| o.passed).min().unwrap_or(0);
        if patched.passed < least {
            return Some(format!("{} cases passed, {least} on stock", patched.passed));
        }
        None
    }

    fn judge(&self) -> Result<()> {
        let rounds = self.patched.len();
        let last = self.patched.last().and_then(|outcome| {
            let complaint = outcome.complaint().unwrap_or_default();
            self.reason(outcome).map(|reason| (reason, complaint))
        });
        match last {
            Some((reason, complaint)) if self.is_worse() => {
                bail!("worse than stock in {rounds} of {rounds} runs: {reason}; {complaint}")
            }
            _ => Ok(()),
        }
    }

    fn note(&self) -> String {
        let rounds = self.patched.len();
        match self.worse_rounds() {
            0 if rounds == 1 => String::new(),
            worse if worse == rounds => "WORSE".to_string(),
            worse => format!("flaky: worse in {worse} of {rounds} runs"),
        }
    }
}

/// All results of one kind, side by side.
#[derive(Default)]
pub struct Table {
    pairs: Vec<Pair>,
    left: Vec<(String, String)>,
}

impl Table {
    /// Adds a test.
    pub fn add(&mut self, pair: Pair) {
        self.pairs.push(pair);
    }

    /// Adds a test that was not run.
    pub fn leave_out(&mut self, name: &str, reason: &str) {
        self.left.push((name.to_string(), reason.to_string()));
    }

    /// Prints all rows and records each as a case.
    pub fn finish(&self, cases: &Cases) {
        println!("\n| test | stock | patched | |\n|---|---|---|---|");
        for pair in &self.pairs {
            let cell = |side: &[Outcome]| side.first().map(Outcome::cell).unwrap_or_default();
            let (stock, patched) = (cell(&pair.stock), cell(&pair.patched));
            println!(
                "| {} | {stock} | {patched} | {} |",
                pair.name(),
                pair.note()
            );
        }
        for (name, reason) in &self.left {
            println!("| {name} | not run | not run | {reason} |");
        }
        println!();
        for pair in &self.pairs {
            cases.record(&format!("{} as on stock", pair.name()), pair.judge());
        }
    }
}

impl Pair {
    fn name(&self) -> &str {
        self.stock.first().map_or("", |outcome| &outcome.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(end: &str, failed: &[&str], skipped: u64) -> Outcome {
        Outcome {
            end: end.to_string(),
            passed: 10,
            skipped,
            failed: failed.iter().map(|name| (*name).to_string()).collect(),
            ..Outcome::new("cow")
        }
    }

    #[test]
    fn what_fails_on_both_is_not_worse() {
        let pair = Pair::new(outcome("exit-1", &["a"], 0), outcome("exit-1", &["a"], 0));
        assert!(pair.judge().is_ok());
    }

    #[test]
    fn another_case_that_fails_is_worse_although_the_exit_code_is_the_same() {
        let pair = Pair::new(
            outcome("exit-1", &["a"], 0),
            outcome("exit-1", &["a", "b"], 0),
        );
        assert!(pair.judge().is_err());
    }

    #[test]
    fn skipping_what_stock_runs_is_worse() {
        assert!(Pair::new(outcome("pass", &[], 0), outcome("skip", &[], 0)).is_worse());
        assert!(Pair::new(outcome("pass", &[], 1), outcome("pass", &[], 2)).is_worse());
        assert!(!Pair::new(outcome("skip", &[], 0), outcome("pass", &[], 0)).is_worse());
    }

    #[test]
    fn one_good_round_makes_a_failure_flaky() {
        let mut pair = Pair::new(outcome("pass", &[], 0), outcome("exit-1", &["a"], 0));
        pair.add(Pair::new(outcome("pass", &[], 0), outcome("pass", &[], 0)));
        assert!(!pair.is_worse());
        assert!(pair.judge().is_ok());
        assert_eq!(pair.note(), "flaky: worse in 1 of 2 runs");
    }

    #[test]
    fn a_failure_that_stock_shows_later_is_flaky_too() {
        let mut pair = Pair::new(outcome("pass", &[], 0), outcome("timeout", &[], 0));
        pair.add(Pair::new(
            outcome("timeout", &[], 0),
            outcome("timeout", &[], 0),
        ));
        assert!(!pair.is_worse());
    }

    #[test]
    fn a_complaint_of_the_kernel_counts_although_the_test_passes() {
        let mut patched = outcome("pass", &[], 0);
        patched.complaints.push("WARNING: at mm/x.c:1".to_string());
        assert!(patched.complaint().is_some());
        assert!(Pair::new(outcome("pass", &[], 0), patched).is_worse());
    }
}
