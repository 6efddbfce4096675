// SPDX-License-Identifier: GPL-2.0-only

//! Is memory that vmalloc gives back freed in peace?
//!
//! With KASAN the shadow of purged areas is freed as well, deep inside the allocator's callers. Inserting
//! and removing a module takes and leaves such areas; they are purged when enough of them have gathered or
//! when permissions have to be reset, and a tracepoint says how many.

use crate::protocol;
use crate::sys::files;
use crate::sys::module;
use crate::sys::mounts;
use crate::verify;
use crate::Result;

/// Any module: what counts is the memory it takes.
const MODULE: &str = "page_zone_test";
/// Areas are purged from 32 MB per bit of the number of CPUs on (`lazy_max_pages()`) if not before; an
/// insertion leaves a tenth of a megabyte or more.
const MOST: u32 = 3000;
/// Insertions between two looks at the trace.
const PER_LOOK: u32 = 20;
/// Areas to see purged.
const AREAS: u64 = 200;

/// Inserts and removes a module until the kernel has purged enough areas.
pub(crate) fn run() -> Result<()> {
    verify::report("at_start");
    protocol::test("areas_are_purged", until_purged());
    verify::report("at_end");
    Ok(())
}

fn until_purged() -> Result<()> {
    let tracing = mounts::mount_tracing()?;
    let event = format!("{tracing}/events/vmalloc/purge_vmap_area_lazy/enable");
    files::write(event, "1")?;
    for round in 1..=MOST {
        module::load(format!("/lib/{MODULE}.ko"), "")?;
        module::unload(MODULE)?;
        if round % PER_LOOK == 0 && purged_enough(tracing, round)? {
            return Ok(());
        }
    }
    Err(format!("fewer than {AREAS} areas purged after {MOST} insertions").into())
}

fn purged_enough(tracing: &str, insertions: u32) -> Result<bool> {
    let (purges, areas) = purges(&files::read(format!("{tracing}/trace"))?);
    if areas < AREAS {
        return Ok(false);
    }
    protocol::metric("insertions", insertions);
    protocol::metric("purges", purges);
    protocol::metric("areas_purged", areas);
    Ok(true)
}

/// Purges that found something, and the areas that these freed.
fn purges(trace: &str) -> (usize, u64) {
    let counts = trace
        .lines()
        .filter_map(|line| line.rsplit_once("num_purged="))
        .filter_map(|(_, count)| count.trim().parse::<u64>().ok())
        .filter(|count| *count > 0);
    counts.fold((0, 0), |(purges, areas), count| (purges + 1, areas + count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purges_of_nothing_do_not_count() {
        let line = |count| {
            format!(" init-1 [000] ..... 3.1: purge_vmap_area_lazy: start=0x1 end=0x2 num_purged={count}\n")
        };
        let trace = format!("# tracer: nop\n{}{}{}", line(0), line(3), line(40));
        assert_eq!(purges(&trace), (2, 43));
    }
}
