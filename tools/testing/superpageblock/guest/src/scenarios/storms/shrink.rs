// SPDX-License-Identifier: GPL-2.0-only

//! How many pageblocks does the kernel give back when its caches are shrunk?

use std::thread;
use std::time::Duration;

use crate::protocol;
use crate::sys::files;
use crate::sys::pagetypeinfo::TypeInfo;
use crate::sys::stat::Counters;
use crate::Result;

/// Objects that were in use by others are free in the next pass.
const PASSES: u32 = 3;
/// What is freed by RCU is free by then.
const SETTLE: Duration = Duration::from_secs(2);

/// Shrinks all caches as far as they go, and prints what they held before and after.
pub(super) fn run() -> Result<()> {
    report("before")?;
    for _ in 0..PASSES {
        files::write("/proc/sys/vm/drop_caches", "2")?;
        thread::sleep(SETTLE);
    }
    report("after")
}

fn report(when: &str) -> Result<()> {
    let slab = Counters::meminfo()?.get("SReclaimable");
    let pageblocks = TypeInfo::read()?.pageblocks(&["Unmovable", "Reclaimable"]);
    protocol::metric(&format!("slab_kb_{when}"), slab);
    protocol::metric(&format!("kernel_pageblocks_{when}"), pageblocks);
    Ok(())
}
