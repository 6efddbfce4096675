// SPDX-License-Identifier: GPL-2.0-only

//! Does a debugger find all free pages of the running kernel?

use crate::drain;
use crate::dump;
use crate::dump::Dump;
use crate::dump::FreeZone;
use crate::holes::Holed;
use crate::protocol;
use crate::rng::Rng;
use crate::sys::buddyinfo;
use crate::sys::memory;
use crate::verify;
use crate::Result;

/// Bytes of memory with holes.
const HELD: usize = 256 << 20;
/// Walks until one is not disturbed.
const ATTEMPTS: usize = 50;

/// Punches holes into memory and walks the free lists.
pub(crate) fn run() -> Result<()> {
    let mut rng = Rng::new(1, 0);
    let held = Holed::new(HELD / memory::page_bytes(), &mut rng, |_, page| {
        page.fill(1)
    })?;
    report("kcore")?;
    drop(held);
    verify::report("at_end");
    Ok(())
}

/// Walks the free lists of the running kernel; the cases' names end in `step`.
pub(crate) fn report(step: &str) -> Result<()> {
    let dump = Dump::open("/proc/kcore")?;
    drain::decay();
    match quiet(&dump) {
        Ok(zones) => {
            show(&zones);
            protocol::ok(&format!("buddyinfo_agrees_{step}"));
            protocol::test(
                &format!("blocks_matter_{step}"),
                blocks_matter(&zones, verify::patched()),
            );
        }
        Err(error) => protocol::fail(&format!("buddyinfo_agrees_{step}"), &error.to_string()),
    }
    Ok(())
}

/// Walks until all zones agree with `/proc/buddyinfo` in all orders, exactly.
fn quiet(dump: &Dump) -> Result<Vec<FreeZone>> {
    let mut last = String::new();
    for attempt in 1..=ATTEMPTS {
        match compared(dump) {
            Ok(zones) => {
                protocol::log(format_args!("walk {attempt} agrees"));
                return Ok(zones);
            }
            Err(error) => last = error.to_string(),
        }
    }
    Err(format!("none of {ATTEMPTS} walks agreed; the last: {last}").into())
}

fn compared(dump: &Dump) -> Result<Vec<FreeZone>> {
    let counted = buddyinfo::zones()?;
    let zones = dump.zones()?;
    let found: Vec<Vec<u64>> = zones.iter().map(FreeZone::entries).collect();
    if found != counted {
        return Err(format!("found by order {found:?}, /proc/buddyinfo says {counted:?}").into());
    }
    Ok(zones)
}

/// Logs where the free pages are.
pub(crate) fn show(zones: &[FreeZone]) {
    for zone in zones {
        protocol::log(format_args!(
            "node {}: {} pages on the zone's lists {:?}, {} on those of {} superpageblocks {:?}",
            zone.node,
            dump::pages(&zone.own),
            zone.own,
            dump::pages(&zone.in_blocks),
            zone.blocks,
            zone.in_blocks
        ));
    }
}

/// Who knows only the zones' lists must miss most free memory if there are superpageblocks, and none if not.
pub(crate) fn blocks_matter(zones: &[FreeZone], expected: bool) -> Result<()> {
    let all: u64 = zones.iter().map(|z| dump::pages(&z.entries())).sum();
    let own: u64 = zones.iter().map(|z| dump::pages(&z.own)).sum();
    if expected && own * 2 > all {
        return Err(format!("{own} of {all} free pages are on the zones' own lists").into());
    }
    if !expected && own != all {
        return Err(format!(
            "a kernel without superpageblocks has {} pages there",
            all - own
        )
        .into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_memory_must_be_on_block_lists_if_there_are_any() {
        let zone = |own, in_blocks| FreeZone {
            own: vec![own],
            in_blocks: vec![in_blocks],
            ..FreeZone::default()
        };
        assert!(blocks_matter(&[zone(10, 90)], true).is_ok());
        assert!(blocks_matter(&[zone(100, 0)], true).is_err());
        assert!(blocks_matter(&[zone(100, 0)], false).is_ok());
        assert!(blocks_matter(&[zone(99, 1)], false).is_err());
    }
}
