// SPDX-License-Identifier: GPL-2.0-only

//! In which page frames does this process's memory lie?

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::memory;
use super::memory::Mapping;
use crate::Result;

const PATH: &str = "/proc/self/pagemap";
/// Set in an entry whose page is in memory.
const PRESENT: u64 = 1 << 63;
/// The bits of an entry that are the page frame.
const FRAME: u64 = (1 << 55) - 1;

/// The frames of the pages of `mapping` that are in memory, in the order of their addresses.
pub(crate) fn frames(mapping: &Mapping) -> Result<Vec<u64>> {
    let places = places(mapping)?;
    Ok(places.into_iter().map(|(_, frame)| frame).collect())
}

/// The same, each with its offset in bytes.
pub(crate) fn places(mapping: &Mapping) -> Result<Vec<(usize, u64)>> {
    let page = memory::page_bytes();
    let mut entries = vec![0; mapping.len() / page * size_of::<u64>()];
    let offset = (mapping.address() / page * size_of::<u64>()) as u64;
    let file = File::open(PATH).map_err(|e| format!("open {PATH}: {e}"))?;
    file.read_exact_at(&mut entries, offset)
        .map_err(|e| format!("read {PATH}: {e}"))?;
    let entries = entries.chunks_exact(size_of::<u64>());
    let entries = entries.map(|bytes| bytes.try_into().map_or(0, u64::from_ne_bytes));
    Ok(entries
        .enumerate()
        .filter(|(_, entry)| entry & PRESENT != 0)
        .map(|(number, entry)| (number * page, entry & FRAME))
        .collect())
}
