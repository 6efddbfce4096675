// SPDX-License-Identifier: GPL-2.0-only
//! Does everything work, and do the kernel's own tests give what they give on stock?

use std::sync::OnceLock;

use anyhow::Result;

use crate::bench;
use crate::cases::Cases;
use crate::kernel::Variant;
use crate::kunit_mm;
use crate::lanes;
use crate::matrix::Row;
use crate::matrix::ROWS;
use crate::matrix::ROWS_FULL;
use crate::refusals;
use crate::selftests;
use crate::selftests::Table;
use crate::session::Session;

/// Runs what `spb test` runs, the remaining guests, and the kernel's own tests on both kernels.
pub fn everything(session: &mut Session) -> Result<()> {
    let cases = Cases::default();
    let rows: Vec<&Row> = ROWS.iter().chain(ROWS_FULL).collect();
    let (programs, kernels) = (OnceLock::new(), OnceLock::new());
    lanes::run(session, &rows, &cases, || {
        cases.attempt("instruction ledger", || bench::build(session));
        let both = [Variant::Stock, Variant::Patched];
        let built = cases.attempt("mm selftests", || selftests::build(session, &both));
        let _ = programs.set(built);
        let built = cases.attempt("kernels with mm's KUnit suites", || {
            kunit_mm::build(session)
        });
        let _ = kernels.set(built);
    });
    session.unlock();
    refusals::test(&session.project, &cases);
    bench::test(session, &cases);
    let mut table = Table::default();
    if let Some(programs) = programs.into_inner().flatten() {
        cases.attempt("mm selftests", || {
            selftests::full(session, &programs, &[], &mut table)
        });
    }
    if let Some(kernels) = kernels.into_inner().flatten() {
        cases.attempt("mm's KUnit suites", || {
            kunit_mm::compare(session, &kernels, &mut table)
        });
    }
    table.finish(&cases);
    cases.finish()
}

/// Compares only the selftests that `wanted` selects, and mm's KUnit suites where it says `kunit`.
pub fn compare(session: &mut Session, wanted: &[String]) -> Result<()> {
    let cases = Cases::default();
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
    table.finish(&cases);
    cases.finish()
}
