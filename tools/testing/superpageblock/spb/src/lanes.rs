// SPDX-License-Identifier: GPL-2.0-only
//! How do tests keep all processors busy?
//!
//! A guest uses little more than one of two, and a kernel's Rust is compiled by one alone. So kernels are built while
//! guests of those that are there already run, and while what needs no guest is tested.

use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::thread::ScopedJoinHandle;

use anyhow::anyhow;

use crate::bench;
use crate::bench::Counting;
use crate::cases::Cases;
use crate::hooks;
use crate::kernel::Variant;
use crate::matrix::Row;
use crate::memory;
use crate::memory::Mib;
use crate::places::Places;
use crate::plain;
use crate::series;
use crate::session::Session;
use crate::testing;
use crate::twins::Twins;
use crate::unchanged;

/// Kernels that rows may name, each after the one that it starts from. The one that most guests run comes first; one
/// whose guests take long comes before one that takes long to build.
const ORDER: [Variant; 9] = [
    Variant::Patched,
    Variant::Module,
    Variant::Stock,
    Variant::Debug,
    Variant::DebugModule,
    Variant::Files,
    Variant::StockFiles,
    Variant::Drivers,
    Variant::Kasan,
];

/// A kernel that is built and a guest, or two guests: there are two processors at least.
const AT_ONCE: usize = 2;

/// Memory that building takes.
const BUILDING: Mib = Mib::gib(2);
/// Memory that QEMU takes for itself.
const EMULATING: Mib = Mib::mebi(512);

/// A guest whose kernel is built: its memory, and what there is to do.
struct Guest<'a> {
    memory: Mib,
    work: Box<dyn FnOnce() + Send + 'a>,
}

/// Boots the guests of `rows`; with `counting`, also those that count, and tests what needs kernels but no guest.
/// `further` builds what is needed after them.
///
/// Other commands may build when all of that is done, even if guests still run.
pub fn run(
    session: &Session,
    rows: &[&Row],
    (cases, twins): (&Cases, &Twins),
    counting: Option<&Counting>,
    further: impl FnOnce() + Send,
) {
    // Laid out once, before anybody builds in it.
    if cases.attempt("tree", || session.tree()).is_none() {
        return;
    }
    let Some(memory) = cases.attempt("memory of the host", memory::available) else {
        return;
    };
    let places = Places::new(AT_ONCE, memory);
    let (bootable, waiting) = mpsc::channel();
    let waiting = Mutex::new(waiting);
    thread::scope(|scope| {
        let builds = scope.spawn(|| {
            let ready = |guest| {
                // Nobody listens if guests panicked, and that is an error of its own.
                let _ = bootable.send(guest);
            };
            build(session, rows, (cases, twins), &places, counting, &ready);
            drop(bootable);
            let _place = places.take(BUILDING);
            further();
        });
        let others = scope.spawn(|| {
            if counting.is_some() {
                series::test(session, cases);
                testing::kunit_step(session, cases);
            }
        });
        let guests = [(); AT_ONCE].map(|()| scope.spawn(|| boot(&places, &waiting)));
        join("building", builds, cases);
        join("testing the series or KUnit", others, cases);
        session.unlock();
        for lane in guests {
            join("booting guests", lane, cases);
        }
    });
}

/// Waits for the end of a lane; a panic is a failed case.
fn join(what: &str, lane: ScopedJoinHandle<'_, ()>, cases: &Cases) {
    if lane.join().is_err() {
        cases.record(what, Err(anyhow!("panicked, see above")));
    }
}

/// Builds the kernels of `rows` and of what counts, and hands out the guests of each.
fn build<'a>(
    session: &'a Session,
    rows: &[&'a Row],
    (cases, twins): (&'a Cases, &'a Twins),
    places: &Places,
    counting: Option<&'a Counting>,
    ready: &impl Fn(Guest<'a>),
) {
    for variant in ORDER {
        let own = rows.iter().filter(|row| row.variant == variant);
        let own: Vec<&Row> = own.copied().collect();
        // Stock's guests and those of the patched kernel, which is built already.
        let counts = counting.filter(|_| variant == Variant::Stock);
        if own.is_empty() && counts.is_none() {
            continue;
        }
        let place = places.take(BUILDING);
        if !testing::builds(session, variant, &own, cases) {
            continue;
        }
        for row in own {
            ready(Guest {
                memory: row.maxmem.unwrap_or(row.memory),
                work: Box::new(move || testing::guest(session, row, cases, twins)),
            });
        }
        if let Some(counting) = counts {
            count(session, cases, counting, ready);
        }
        if variant == Variant::Patched && counting.is_some() {
            hooks::test(session, cases);
            unchanged::test(session, cases);
            plain::test(session, cases);
        }
        drop(place);
    }
}

/// Builds the modules that count, and hands out the guests that get them.
fn count<'a>(
    session: &'a Session,
    cases: &'a Cases,
    counting: &'a Counting,
    ready: &impl Fn(Guest<'a>),
) {
    let built = cases.attempt(bench::CASE, || bench::build(session));
    for work in built.into_iter().flat_map(|()| counting.guests()) {
        ready(Guest {
            memory: bench::MEMORY,
            work: Box::new(work),
        });
    }
}

/// Boots guests as long as there are any.
fn boot(places: &Places, waiting: &Mutex<Receiver<Guest>>) {
    let next = || {
        let waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.recv().ok()
    };
    while let Some(guest) = next() {
        let _place = places.take(Mib(guest.memory.0 + EMULATING.0));
        (guest.work)();
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
