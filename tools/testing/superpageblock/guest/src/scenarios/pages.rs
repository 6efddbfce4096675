// SPDX-License-Identifier: GPL-2.0-only

//! Do pages in holes of memory name the zone that spans them, and can others be dumped?
//!
//! KUnit suites in modules answer; they run when they are inserted. A kernel that dumps such a page wrongly
//! ends here.

use crate::protocol;
use crate::sys::kmsg::Kmsg;
use crate::sys::module;
use crate::Result;

/// Modules in the order in which they are inserted: the second may end the kernel.
const SUITES: [(&str, &str); 2] = [
    ("page_zone_test", "page_zone"),
    ("dump_page_test", "dump_page"),
];

/// Inserts each module and reads what its suite found.
pub(crate) fn run() -> Result<()> {
    for (module, suite) in SUITES {
        protocol::test(suite, passes(module, suite));
    }
    Ok(())
}

fn passes(module: &str, suite: &str) -> Result<()> {
    let mut log = Kmsg::from_now()?;
    module::load(format!("/lib/{module}.ko"), "")
        .map_err(|error| format!("insmod {module}: {error}"))?;
    let lines = log.lines();
    if lines
        .iter()
        .any(|line| line.trim() == format!("ok 1 {suite}"))
    {
        return Ok(());
    }
    let reason = lines.iter().find(|line| line.contains(" names "));
    Err(match reason {
        Some(line) => line.trim().to_string(),
        None => format!("the suite {suite} did not pass"),
    }
    .into())
}
