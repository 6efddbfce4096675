// SPDX-License-Identifier: GPL-2.0-only
//! What do alloc and free cost in time, where no machine is emulated?
//!
//! Kernels run as programs, in user-mode Linux: its page allocator is the kernel's own, natively executed, but it has
//! one processor, and a page fault is a signal of the host's.

use std::fmt::Write;
use std::fs;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;

use crate::bench::boots::CONFIGURATIONS;
use crate::bench::counts;
use crate::bench::counts::Counts;
use crate::bench::ledger::Class;
use crate::bench::ledger::Ledger;
use crate::bench::ledger::CLASSES;
use crate::bench::ledger::COMPARED;
use crate::bench::ledger::NAMES;
use crate::bench::program;
use crate::bench::program::Program;
use crate::bench::table;
use crate::kernel::Variant;
use crate::session::Session;

/// How often each configuration runs unless somebody says otherwise.
pub const ROUNDS: u64 = 5;

const HEADING: &str =
    "Ticks of the clock, as multiples of stock's: median of all rounds, lowest to highest

";

/// Builds both kernels, runs all configurations in turn, and prints ratios within rounds.
pub fn run(session: &mut Session, rounds: u64) -> Result<()> {
    program::MEMORY.check()?;
    let stock = program::build(session, Variant::Stock)?;
    let patched = program::build(session, Variant::Patched)?;
    session.unlock();
    let programs = [&stock, &patched, &patched];
    let mut ledgers = Vec::new();
    for round in 1..=rounds {
        let start = Instant::now();
        ledgers.push(one_round(session, programs, round)?);
        let seconds = start.elapsed().as_secs_f64();
        println!("round {round} of {rounds}: {seconds:.0} s");
    }
    let text = render(&ledgers);
    println!("\n{text}");
    let dir = session.project.build("bench");
    fs::create_dir_all(&dir)?;
    let rows: Vec<String> = ledgers
        .iter()
        .map(|ledger| table::render(ledger, "Ticks of the clock"))
        .collect();
    fs::write(dir.join("native.txt"), text + "\n" + &rows.join("\n"))?;
    println!("kept in {}/native.txt, with each row", dir.display());
    Ok(())
}

/// Runs all configurations once. Every other round begins at the other end, so that a machine that gets slower or
/// faster with time does so for all of them.
fn one_round(session: &Session, programs: [&Program; 3], round: u64) -> Result<Ledger> {
    let mut order: Vec<usize> = (0..NAMES.len()).collect();
    if round % 2 == 0 {
        order.reverse();
    }
    let mut all: [Counts; NAMES.len()] = Default::default();
    for index in order {
        let configuration = &CONFIGURATIONS[index];
        let transcript = programs[index].run(session, configuration, round);
        let transcript = transcript.with_context(|| format!("the {} kernel", NAMES[index]))?;
        all[index] = counts::rows(&transcript)?;
    }
    Ledger::new(all)
}

/// For each class, the median of its means in all rounds, and the lowest and highest.
fn render(ledgers: &[Ledger]) -> String {
    let mut out = String::from(HEADING);
    let _ = write!(out, "{:24}", "");
    for index in COMPARED {
        let _ = write!(out, "{:>26}", NAMES[index]);
    }
    for class in CLASSES {
        let _ = write!(out, "\n{:24}", class.title());
        for index in COMPARED {
            let _ = write!(out, "{:>26}", cell(ledgers, class, index));
        }
    }
    out.push('\n');
    out
}

fn cell(ledgers: &[Ledger], class: Class, configuration: usize) -> String {
    let means = ledgers.iter();
    let mut means: Vec<f64> = means.filter_map(|l| l.mean(class, configuration)).collect();
    means.sort_by(f64::total_cmp);
    match (means.first(), means.get(means.len() / 2), means.last()) {
        (Some(low), Some(median), Some(high)) => format!("{median:.3} ({low:.3} to {high:.3})"),
        _ => "-".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::ledger::tests::ledger;

    #[test]
    fn a_class_has_its_median_and_its_spread() -> Result<()> {
        let round = |attached| ledger(&[("fresh.bulk.a.alloc", [100, 100, attached])]);
        let ledgers = [round(90)?, round(300)?, round(110)?];
        assert_eq!(cell(&ledgers, Class::Bulk, 2), "1.100 (0.900 to 3.000)");
        assert_eq!(cell(&ledgers, Class::High, 2), "-");
        Ok(())
    }
}
