// SPDX-License-Identifier: GPL-2.0-only

//! How many instructions does each case take? Counted by valgrind's callgrind.
//!
//! A program runs all cases, each between `superpageblock_start` and the end of
//! `superpageblock_measured`. Callgrind is told to count from zero at the one and to
//! write what it has counted at the other: a file for each case, numbered.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use anyhow::bail;
use anyhow::ensure;
use anyhow::Context;
use anyhow::Result;

use crate::cases;
use crate::cases::Work;

/// Functions that make callgrind act. Of two actions for one function it forgets the first.
const ACTIONS: [&str; 2] = [
    "--zero-before=*superpageblock_start*",
    "--dump-after=*superpageblock_measured*",
];

/// Caches of a machine that does not exist, so that all machines count the same misses.
const CACHES: [&str; 4] = [
    "--cache-sim=yes",
    "--I1=32768,8,64",
    "--D1=32768,8,64",
    "--LL=1048576,16,64",
];

/// What one operation costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Instructions.
    pub instructions: f64,
    /// Loads and stores that miss a first-level cache of 32 KB.
    pub misses: f64,
}

#[inline(never)]
fn superpageblock_start() {
    black_box(());
}

#[inline(never)]
fn superpageblock_measured(work: &mut dyn Work) -> u32 {
    work.run()
}

/// Runs every case; what [`count`] runs.
pub fn run_cases() {
    for (_, case, size) in cases::all() {
        let mut work = (case.build)(size);
        // Twice: the first run finds caches cold.
        work.reset();
        work.run();
        work.reset();
        superpageblock_start();
        println!("{}", superpageblock_measured(work.as_mut()));
    }
}

/// Counts every case of `program`, which calls [`run_cases`] if its argument is `run`.
///
/// `dir` is emptied and used for what callgrind writes. The costs are in the order of
/// [`cases::all`].
///
/// # Errors
///
/// When valgrind is missing, or the program fails under it.
pub fn count(program: &Path, dir: &Path) -> Result<Vec<Cost>> {
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir)?;
    let out = dir.join("counts");
    let done = Command::new("valgrind")
        .arg("--tool=callgrind")
        .args(CACHES)
        .args(ACTIONS)
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .arg("run")
        .stdin(Stdio::null())
        .output()
        .context("cannot run valgrind: make setup installs it")?;
    if !done.status.success() {
        let text = String::from_utf8_lossy(&done.stderr);
        bail!(
            "under valgrind: {}",
            text.lines().last().unwrap_or_default()
        );
    }
    let operations = String::from_utf8(done.stdout)?;
    let costs: Vec<Cost> = (1..)
        .zip(operations.lines())
        .map(|(nth, operations)| cost(&dir.join(format!("counts.{nth}")), operations))
        .collect::<Result<_>>()?;
    ensure!(
        costs.len() == cases::all().count(),
        "{} cases were counted, not {}",
        costs.len(),
        cases::all().count()
    );
    Ok(costs)
}

fn cost(file: &Path, operations: &str) -> Result<Cost> {
    let operations: f64 = operations.parse()?;
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let found = totals(&text).with_context(|| format!("no totals in {}", file.display()))?;
    ensure!(found.0 > 0, "nothing was counted in {}", file.display());
    Ok(Cost {
        instructions: found.0 as f64 / operations,
        misses: found.1 as f64 / operations,
    })
}

/// Instructions, and misses of reads and writes together, from what callgrind wrote.
pub fn totals(text: &str) -> Option<(u64, u64)> {
    let after = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    let names = after("events:")?.split_whitespace();
    let counts = after("totals:")?.split_whitespace();
    let (mut instructions, mut misses) = (None, 0);
    for (name, count) in names.zip(counts) {
        let count: u64 = count.parse().ok()?;
        match name {
            "Ir" => instructions = Some(count),
            "D1mr" | "D1mw" => misses += count,
            _ => {}
        }
    }
    Some((instructions?, misses))
}
