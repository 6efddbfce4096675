// SPDX-License-Identifier: GPL-2.0-only

//! Does the guest boot with the memory and the features the other scenarios need?

use crate::hugepages::Size;
use crate::protocol;
use crate::sys::stat::Counters;
use crate::sys::zoneinfo;
use crate::verify;
use crate::Result;

/// Prints the memory and checks what every scenario builds on.
pub(crate) fn run() -> Result<()> {
    let memory = Counters::meminfo()?;
    protocol::metric("memtotal_kb", memory.get("MemTotal"));
    protocol::metric("memfree_kb", memory.get("MemFree"));
    protocol::metric("patched", u8::from(verify::patched()));
    for zone in zoneinfo::zones()? {
        protocol::log(format_args!(
            "zone {} of node {}: start {:#x}, spanned {}, present {}, managed {}, free {}, high {}",
            zone.name,
            zone.node,
            zone.start,
            zone.spanned,
            zone.present,
            zone.managed,
            zone.free,
            zone.high
        ));
    }
    protocol::test("giga_pages_exist", exists(Size::Giga));
    protocol::test("huge_pages_exist", exists(Size::TwoMega));
    verify::report("smoke");
    Ok(())
}

fn exists(size: Size) -> Result<()> {
    if size.exists() {
        Ok(())
    } else {
        Err(format!("no hugetlb directory for {size:?}").into())
    }
}
