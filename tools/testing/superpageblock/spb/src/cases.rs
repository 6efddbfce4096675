// SPDX-License-Identifier: GPL-2.0-only
//! How many cases passed, and which did not?

use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use anyhow::bail;
use anyhow::Result;

use crate::transcript::Case;

/// Results so far, of all that is tested at the same time.
#[derive(Default)]
pub struct Cases(Mutex<Results>);

#[derive(Default)]
struct Results {
    passed: usize,
    failures: Vec<String>,
}

impl Cases {
    fn results(&self) -> MutexGuard<'_, Results> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one case and prints its result.
    pub fn record(&self, name: &str, result: Result<()>) {
        match result {
            Ok(()) => {
                self.results().passed += 1;
                println!("ok {name}");
            }
            Err(error) => {
                let line = format!("{name}: {error:#}");
                println!("FAIL {line}");
                self.results().failures.push(line);
            }
        }
    }

    /// Counts cases that a guest or KUnit reported; prints the failed ones and a count.
    pub fn record_all(&self, prefix: &str, cases: &[Case]) {
        for case in cases {
            match &case.failure {
                None => self.results().passed += 1,
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
    pub fn attempt<T>(&self, name: &str, work: impl FnOnce() -> Result<T>) -> Option<T> {
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
        let results = self.results();
        if !results.failures.is_empty() {
            println!("\nfailed:");
        }
        for line in &results.failures {
            println!("  {line}");
        }
        println!(
            "{} passed, {} failed",
            results.passed,
            results.failures.len()
        );
        match (results.passed, results.failures.len()) {
            (0, 0) => bail!("no case was run"),
            (_, 0) => Ok(()),
            (_, failed) => bail!("{failed} cases failed"),
        }
    }
}
