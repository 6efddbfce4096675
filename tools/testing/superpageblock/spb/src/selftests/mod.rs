// SPDX-License-Identifier: GPL-2.0-only
//! Do the kernel's own mm tests give the same on stock and patched?
//!
//! [`plan`] says what is run, [`programs`] builds it, [`guest`] runs it, [`compare`] judges.

mod compare;
mod guest;
mod plan;
mod programs;

use std::collections::BTreeMap;

use anyhow::anyhow;
use anyhow::bail;
use anyhow::Result;

use crate::kernel::Variant;
use crate::session::Session;
use crate::together;

pub use compare::Outcome;
pub use compare::Pair;
pub use compare::Table;
pub use programs::Programs;

use plan::Plan;
use plan::Test;

/// How often both kernels run a test at most before patched counts as worse.
const ROUNDS: u32 = 3;

/// Builds the programs and the module for `variants`; their kernels must have been built.
pub fn build(session: &Session, variants: &[Variant]) -> Result<Programs> {
    let programs = Programs::build(session)?;
    for variant in variants {
        programs.module(session, *variant)?;
    }
    Ok(programs)
}

/// Every test that can run, on both kernels.
///
/// `wanted` selects by words that a test's category or command contains; none selects all.
pub fn full(
    session: &Session,
    programs: &Programs,
    wanted: &[String],
    table: &mut Table,
) -> Result<()> {
    let Plan { tests, left } = programs.plan()?;
    let chosen = |test: &&Test| wanted.is_empty() || wanted.iter().any(|word| test.matches(word));
    let tests: Vec<&Test> = tests.iter().filter(chosen).collect();
    if tests.is_empty() {
        bail!("no mm selftest is called {}", wanted.join(" or "));
    }
    let mut pairs = once(session, programs, &tests)?;
    for round in 2..=ROUNDS {
        let again: Vec<&Test> = tests
            .iter()
            .filter(|test| pairs.get(&test.name).is_some_and(Pair::is_worse))
            .copied()
            .collect();
        if again.is_empty() {
            break;
        }
        println!(
            "round {round} of at most {ROUNDS} for {} tests",
            again.len()
        );
        for (name, pair) in once(session, programs, &again)? {
            if let Some(first) = pairs.get_mut(&name) {
                first.add(pair);
            }
        }
    }
    for test in &tests {
        if let Some(pair) = pairs.remove(&test.name) {
            table.add(pair);
        }
    }
    for (name, reason) in left {
        table.leave_out(&name, &reason);
    }
    Ok(())
}

/// Runs `tests` once on each kernel.
fn once(session: &Session, programs: &Programs, tests: &[&Test]) -> Result<BTreeMap<String, Pair>> {
    // At the same time: a guest leaves half of two processors idle.
    let both = together::each([Variant::Stock, Variant::Patched], |variant| {
        guest::run(session, programs, variant, tests)
    });
    let both: Vec<_> = both.into_iter().collect::<Result<_>>()?;
    let [stock, patched] = both.try_into().map_err(|_| anyhow!("not two kernels"))?;
    let pairs = stock.into_iter().zip(patched);
    Ok(pairs
        .map(|(stock, patched)| (stock.name.clone(), Pair::new(stock, patched)))
        .collect())
}
