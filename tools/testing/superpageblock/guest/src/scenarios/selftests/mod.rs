// SPDX-License-Identifier: GPL-2.0-only

//! Do the kernel's own mm tests pass?
//!
//! The host gives two disks: the tests with their tools on ext4, and the [`plan`], one test per line. A test
//! that had to be ended leaves settings nobody asked for: the guest stops after it, and the host boots
//! another one for the rest.

mod ktap;
mod plan;
mod program;
mod report;
mod tools;

use std::time::Duration;
use std::time::Instant;

use crate::cmdline::Cmdline;
use crate::sys::mounts;
use crate::verify;
use crate::Result;

use program::End;

/// Seconds after which no further test is started, unless `spb.arg.budget=` says otherwise.
const BUDGET: u64 = 200;

/// Runs the plan until it or the time is used up.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    if !mounts::mount_disk() {
        return Err("no disk with the tests on it".into());
    }
    tools::install()?;
    let budget = Duration::from_secs(cmdline.number("budget", BUDGET));
    let start = Instant::now();
    for test in plan::read()? {
        report::starts(&test)?;
        let run = program::run(&test)?;
        let cases = ktap::cases(&run.output);
        let violation = verify::check().err().map(|error| error.to_string());
        report::ended(&test, &run, &cases, violation.as_deref())?;
        if run.end == End::TimedOut || start.elapsed() > budget {
            break;
        }
    }
    Ok(())
}
