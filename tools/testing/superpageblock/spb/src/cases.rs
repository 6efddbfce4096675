// SPDX-License-Identifier: GPL-2.0-only
//! How many cases passed, and which did not?

use anyhow::bail;
use anyhow::Result;

use crate::transcript::Case;

/// Results so far.
#[derive(Default)]
pub struct Cases {
    passed: usize,
    failures: Vec<String>,
}

impl Cases {
    /// Counts one case and prints its result.
    pub fn record(&mut self, name: &str, result: Result<()>) {
        match result {
            Ok(()) => {
                self.passed += 1;
                println!("ok {name}");
            }
            Err(error) => {
                let line = format!("{name}: {error:#}");
                println!("FAIL {line}");
                self.failures.push(line);
            }
        }
    }

    /// Counts cases that a guest or KUnit reported; prints the failed ones and a count.
    pub fn record_all(&mut self, prefix: &str, cases: &[Case]) {
        for case in cases {
            match &case.failure {
                None => self.passed += 1,
                Some(reason) => {
                    self.record(
                        &format!("{prefix}: {}", case.name),
                        Err(anyhow::anyhow!("{reason}")),
                    );
                }
            }
        }
        let good = cases.iter().filter(|case| case.failure.is_none()).count();
        if !cases.is_empty() {
            println!("ok {prefix}: {good} of {} cases", cases.len());
        }
    }

    /// Runs `work`; its failure is one failed case, its success none.
    pub fn attempt<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Option<T> {
        match work() {
            Ok(value) => Some(value),
            Err(error) => {
                self.record(name, Err(error));
                None
            }
        }
    }

    /// Prints the summary.
    ///
    /// # Errors
    ///
    /// When a case failed, or there was none at all.
    pub fn finish(self) -> Result<()> {
        if !self.failures.is_empty() {
            println!("\nfailed:");
        }
        for line in &self.failures {
            println!("  {line}");
        }
        println!("{} passed, {} failed", self.passed, self.failures.len());
        match (self.passed, self.failures.len()) {
            (0, 0) => bail!("no case was run"),
            (_, 0) => Ok(()),
            (_, failed) => bail!("{failed} cases failed"),
        }
    }
}
