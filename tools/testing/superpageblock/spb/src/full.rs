// SPDX-License-Identifier: GPL-2.0-only
//! Does everything work, and do the kernel's own tests give what they give on stock?

use std::sync::OnceLock;

use anyhow::Result;

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
pub fn everything(session: &Session) -> Result<()> {
    let cases = Cases::default();
    let rows: Vec<&Row> = ROWS.iter().chain(ROWS_FULL).collect();
    let (programs, kernels) = (OnceLock::new(), OnceLock::new());
    testing::around(session, &rows, &cases, || {
        let both = [Variant::Stock, Variant::Patched];
        let built = cases.attempt("mm selftests", || selftests::build(session, &both));
        let _ = programs.set(built);
        let suites = "kernels with mm's KUnit suites";
        let _ = kernels.set(cases.attempt(suites, || kunit_mm::build(session)));
    });
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
