// SPDX-License-Identifier: GPL-2.0-only
//! What did the same guest give on stock and on patched?

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use anyhow::Result;

use crate::matrix::Row;
use crate::selftests::Outcome;
use crate::selftests::Pair;
use crate::selftests::Table;
use crate::transcript::Transcript;

/// Outcomes of guests that ran.
#[derive(Default)]
pub struct Twins(Mutex<BTreeMap<&'static str, Outcome>>);

impl Twins {
    /// Keeps the outcome of one guest: what it said, and what was judged of it.
    pub fn add(&self, name: &'static str, guest: &Transcript, judged: &Result<()>) {
        let mut outcome = Outcome::new(name);
        for case in &guest.cases {
            match case.failure {
                Some(_) => drop(outcome.failed.insert(case.name.clone())),
                None => outcome.passed += 1,
            }
        }
        outcome.milliseconds = (guest.seconds * 1000.0) as u64;
        outcome.complaints.clone_from(&guest.splats);
        outcome.end = "pass".to_string();
        if let Err(reason) = judged {
            // Another reason is another end.
            outcome.end = format!("fail ({reason:#})");
        }
        let mut outcomes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.insert(name, outcome);
    }

    /// Adds to `table` each guest of `rows` that there is for both kernels.
    pub fn compare(&self, rows: &[&Row], table: &mut Table) {
        let outcomes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows.iter().filter(|row| !row.twin.is_empty()) {
            match (outcomes.get(row.name), outcomes.get(row.twin)) {
                (Some(stock), Some(patched)) => {
                    let mut stock = stock.clone();
                    stock.name = row.twin.to_string();
                    table.add(Pair::new(stock, patched.clone()));
                }
                _ => table.leave_out(row.twin, "not booted on both"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::Cases;
    use crate::matrix::ROWS;
    use crate::matrix::ROWS_FULL;

    use anyhow::bail;

    fn all() -> Vec<&'static Row> {
        ROWS.iter().chain(ROWS_FULL).collect()
    }

    #[test]
    fn every_twin_is_a_row() {
        for row in all() {
            let known = all().iter().any(|other| other.name == row.twin);
            assert!(row.twin.is_empty() || known, "{}", row.name);
        }
    }

    /// Whether the first guest with a twin counts as the same on both, if patched is judged so.
    fn is_same(judged: &Result<()>) -> bool {
        let (twins, rows) = (Twins::default(), all());
        let row = rows.iter().find(|row| !row.twin.is_empty());
        let row = row.expect("some guest runs on stock");
        twins.add(row.name, &Transcript::default(), &Ok(()));
        twins.add(row.twin, &Transcript::default(), judged);
        let (mut table, cases) = (Table::default(), Cases::default());
        twins.compare(&rows, &mut table);
        table.finish(&cases);
        cases.finish().is_ok()
    }

    #[test]
    fn a_guest_that_fails_on_patched_alone_is_worse() {
        assert!(is_same(&Ok(())));
        assert!(!is_same(&(|| bail!("hung"))()));
    }
}
