// SPDX-License-Identifier: GPL-2.0-only
//! How do tests keep all processors busy?
//!
//! A guest uses little more than one of two, and a kernel's Rust is compiled by one alone. So kernels are built while
//! guests of those that are there already run, and while what needs neither is tested.

use std::sync::mpsc;
use std::sync::mpsc::Sender;
use std::thread;

use crate::cases::Cases;
use crate::hooks;
use crate::kernel::Variant;
use crate::matrix::Row;
use crate::series;
use crate::session::Session;
use crate::testing;
use crate::unchanged;
use crate::workspace;

/// Kernels that rows may name, each after the one that it starts from, and the one most guests run first.
const ORDER: [Variant; 9] = [
    Variant::Patched,
    Variant::Debug,
    Variant::Module,
    Variant::Files,
    Variant::DebugModule,
    Variant::Stock,
    Variant::StockFiles,
    Variant::Drivers,
    Variant::Kasan,
];

/// Boots the guests of `rows` and tests all that needs no guest; `further` builds what is needed after them.
pub fn run(session: &Session, rows: &[&Row], cases: &Cases, further: impl FnOnce() + Send) {
    // Laid out once, before anybody builds in it.
    if cases.attempt("tree", || session.tree()).is_none() {
        return;
    }
    let (built, kernels) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            build(session, rows, cases, built);
            further();
        });
        scope.spawn(|| {
            workspace::test(&session.project, cases);
            series::test(session, cases);
            testing::kunit_step(session, cases);
        });
        for kernel in kernels {
            for row in rows.iter().filter(|row| row.variant == kernel) {
                testing::guest(session, row, cases);
            }
        }
    });
}

/// Builds the kernels of `rows`, and says so of each.
fn build(session: &Session, rows: &[&Row], cases: &Cases, built: Sender<Variant>) {
    let is_used = |variant: &Variant| rows.iter().any(|row| row.variant == *variant);
    for variant in ORDER.into_iter().filter(is_used) {
        if !testing::builds(session, variant, rows, cases) {
            continue;
        }
        // Nobody listens if a guest panicked, and that is an error of its own.
        let _ = built.send(variant);
        if variant == Variant::Patched {
            hooks::test(session, cases);
            unchanged::test(session, cases);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::ROWS;
    use crate::matrix::ROWS_FULL;

    #[test]
    fn every_kernel_of_a_row_is_built() {
        for row in ROWS.iter().chain(ROWS_FULL) {
            assert!(ORDER.contains(&row.variant), "{}", row.name);
        }
    }
}
