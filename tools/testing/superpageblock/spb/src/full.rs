// SPDX-License-Identifier: GPL-2.0-only
//! Does everything work, and do the kernel's own tests give what they give on stock?

use anyhow::Result;

use crate::bench;
use crate::cases::Cases;
use crate::kernel::Variant;
use crate::kunit_mm;
use crate::matrix::Row;
use crate::matrix::ROWS;
use crate::matrix::ROWS_FULL;
use crate::selftests;
use crate::selftests::Table;
use crate::session::Session;
use crate::testing;

/// Runs what `spb test` runs, the remaining guests, and the kernel's own tests on both kernels.
pub fn everything(session: &mut Session) -> Result<()> {
    let mut cases = Cases::default();
    let mut built = testing::prepare(session, &mut cases);
    for variant in further(&built, ROWS_FULL) {
        if testing::builds(session, variant, &mut cases) {
            built.push(variant);
        }
    }
    let bench = cases.attempt("instruction ledger", || bench::build(session));
    let programs = cases.attempt("mm selftests", || {
        selftests::build(session, &[Variant::Stock, Variant::Patched])
    });
    let kernels = cases.attempt("kernels with mm's KUnit suites", || {
        kunit_mm::build(session)
    });
    session.unlock();
    testing::guests(session, &built, &ROWS, &mut cases);
    testing::guests(session, &built, ROWS_FULL, &mut cases);
    if bench.is_some() {
        bench::test(session, &mut cases);
    }
    let mut table = Table::default();
    if let Some(programs) = programs {
        cases.attempt("mm selftests", || {
            selftests::full(session, &programs, &[], &mut table)
        });
    }
    if let Some(kernels) = kernels {
        cases.attempt("mm's KUnit suites", || {
            kunit_mm::compare(session, &kernels, &mut table)
        });
    }
    table.finish(&mut cases);
    cases.finish()
}

/// Compares only the selftests that `wanted` selects, and mm's KUnit suites where it says `kunit`.
pub fn compare(session: &mut Session, wanted: &[String]) -> Result<()> {
    let mut cases = Cases::default();
    let mut table = Table::default();
    if wanted.iter().any(|word| word == "kunit") {
        let kernels = kunit_mm::build(session)?;
        session.unlock();
        kunit_mm::compare(session, &kernels, &mut table)?;
    } else {
        let variants = [Variant::Stock, Variant::Patched];
        for variant in variants {
            session.build(variant)?;
        }
        let programs = selftests::build(session, &variants)?;
        session.unlock();
        selftests::full(session, &programs, wanted, &mut table)?;
    }
    table.finish(&mut cases);
    cases.finish()
}

/// Kernels that are needed and not among `built`: stock, and those of `rows`.
fn further(built: &[Variant], rows: &[Row]) -> Vec<Variant> {
    let mut wanted = vec![Variant::Stock];
    wanted.extend(rows.iter().map(|row| row.variant));
    let mut further: Vec<Variant> = Vec::new();
    for variant in wanted {
        if !built.contains(&variant) && !further.contains(&variant) {
            further.push(variant);
        }
    }
    further
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_built_once() {
        assert_eq!(further(&[], &[]), [Variant::Stock]);
        assert!(further(&[Variant::Stock], &[]).is_empty());
    }
}
