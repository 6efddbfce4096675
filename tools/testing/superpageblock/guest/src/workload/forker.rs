// SPDX-License-Identifier: GPL-2.0-only

//! What do short-lived processes add to the churn?

use crate::rng::Rng;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::process;
use crate::Result;

/// Processes made in one round.
const PROCESSES: u64 = 150;
/// Pages the largest of them touches.
const MOST_PAGES: u64 = 256;

/// Makes processes one after the other: each maps and touches some memory and exits.
pub(crate) fn round(rng: &mut Rng) -> Result<()> {
    for _ in 0..PROCESSES {
        let pages = rng.sized(4, MOST_PAGES) as usize;
        process::run("short-lived", || touch(pages))?;
    }
    Ok(())
}

fn touch(pages: usize) -> Result<()> {
    let page = memory::page_bytes();
    let mapping = Mapping::new(pages * page, 0)?;
    (0..pages).for_each(|index| mapping.touch(index * page));
    Ok(())
}
