// SPDX-License-Identifier: GPL-2.0-only
//! Does everything work, and do the kernel's own tests give what they give on stock?

use std::sync::OnceLock;

use anyhow::Result;

use crate::cases::Cases;
use crate::kernel::Variant;
use crate::kunit_mm;
use crate::lanes;
use crate::matrix::Row;
use crate::matrix::ROWS;
use crate::matrix::ROWS_FULL;
use crate::selftests;
use crate::selftests::Table;
use crate::session::Session;
use crate::testing;
use crate::twins::Twins;

/// Runs what `spb test` runs unless only the `further` tests are wanted, the remaining guests, and the kernel's own
/// tests on both kernels. Of these, `only` the guests that it selects, if it does.
pub fn everything(session: &Session, further: bool, only: &[String]) -> Result<()> {
    let (cases, twins) = (Cases::default(), Twins::default());
    let mut rows: Vec<&Row> = ROWS.iter().collect();
    if !only.is_empty() {
        rows.extend(ROWS_FULL);
        rows.retain(|row| only.iter().any(|word| is_meant(row, word)));
        lanes::run(session, &rows, (&cases, &twins), None, || {});
        return cases.finish();
    }
    if further {
        rows.retain(|row| ROWS_FULL.iter().any(|other| other.twin == row.name));
    }
    rows.extend(ROWS_FULL);
    let (programs, kernels) = (OnceLock::new(), OnceLock::new());
    let build = || {
        let both = [Variant::Stock, Variant::Patched];
        let built = cases.attempt("mm selftests", || selftests::build(session, &both));
        let _ = programs.set(built);
        let suites = "kernels with mm's KUnit suites";
        let _ = kernels.set(cases.attempt(suites, || kunit_mm::build(session)));
    };
    if further {
        lanes::run(session, &rows, (&cases, &twins), None, build);
    } else {
        testing::around(session, &rows, &cases, &twins, build);
    }
    let mut table = Table::default();
    twins.compare(&rows, &mut table);
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

/// Whether `word` selects a guest: by its name or by that of its kernel.
fn is_meant(row: &Row, word: &str) -> bool {
    row.name.contains(word) || row.variant.name() == word
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
