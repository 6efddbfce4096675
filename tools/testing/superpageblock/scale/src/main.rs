// SPDX-License-Identifier: GPL-2.0-only

//! Prints what decisions of the placement policy cost, by number of gigabytes.
//!
//! `scale DIR` counts, with callgrind's files in DIR; `scale run` is what it counts.

#![forbid(unsafe_code)]

use std::env;
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use anyhow::Result;

use scale::callgrind;
use scale::cases;
use scale::ledger;
use scale::place;

fn main() -> ExitCode {
    match perform(env::args().nth(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(argument: Option<String>) -> Result<()> {
    match argument.as_deref() {
        None => bail!("say where callgrind may put its files: scale DIR"),
        Some("run") => callgrind::run_cases(),
        Some("bytes") => println!("{} {}", place::BYTES_PER_BLOCK, place::BYTES_PER_ZONE),
        Some(dir) => return report(Path::new(dir)),
    }
    Ok(())
}

fn report(dir: &Path) -> Result<()> {
    let rows = ledger::rows(&callgrind::count(&env::current_exe()?, dir)?);
    print!("{}", ledger::table(&rows));
    println!("misses: of a first-level cache of 32 KB, for each operation, in the smallest and the largest zone");
    let (lists, bitmaps) = cases::bytes_per_block();
    println!("bytes per GB at 16 TB: index {lists}, bitmap {bitmaps}");
    match ledger::complaints(&rows).first() {
        None => Ok(()),
        Some(first) => bail!("{first}"),
    }
}
