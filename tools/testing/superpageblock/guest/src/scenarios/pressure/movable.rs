// SPDX-License-Identifier: GPL-2.0-only

//! How does anonymous memory fill the machine, and leave it by single pages?

use super::levels::Levels;
use super::places::Places;
use crate::rng::Rng;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::stat::Counters;
use crate::Result;

/// Stream of random numbers.
const STREAM: u64 = 1;
/// Most pages taken between two looks at free memory.
const MOST: u64 = 4096;
/// Least: those that come from per-CPU lists do not change what is free.
const LEAST: u64 = 32;

/// Anonymous memory in small pages.
pub(super) struct Movable {
    area: Mapping,
    places: Places,
    rng: Rng,
    page: usize,
}

impl Movable {
    /// Room for `total_kb` kilobytes, empty.
    pub(super) fn new(seed: u64, total_kb: u64) -> Result<Self> {
        let page = memory::page_bytes();
        let count = u32::try_from(pages(total_kb))?;
        let area = Mapping::new(count as usize * page, libc::MAP_NORESERVE)?;
        area.advise(0, area.len(), libc::MADV_NOHUGEPAGE);
        Ok(Self {
            area,
            places: Places::vacant(count),
            rng: Rng::new(seed, STREAM),
            page,
        })
    }

    /// Takes nearly all that is free, then frees random pages until `levels.free_kb` are free: where they
    /// are is not the kernel's choice.
    pub(super) fn fill_up(&mut self, levels: &Levels) -> Result<()> {
        self.fill(levels.brim_kb)?;
        self.make_room(levels.free_kb)
    }

    /// Takes pages until no more than `free_kb` kilobytes are free.
    fn fill(&mut self, free_kb: u64) -> Result<()> {
        loop {
            let spare = pages(free()?.saturating_sub(free_kb));
            if spare == 0 {
                return Ok(());
            }
            for _ in 0..spare.clamp(LEAST, MOST) {
                let place = self.places.take().ok_or("more is free than there is")?;
                self.area.touch(place as usize * self.page);
            }
        }
    }

    /// Frees random pages, as many as are missing to `free_kb` free kilobytes.
    pub(super) fn make_room(&mut self, free_kb: u64) -> Result<()> {
        self.leave(pages(free_kb.saturating_sub(free()?)))
    }

    /// Frees random pages until so many are left.
    pub(super) fn keep(&mut self, count: u64) -> Result<()> {
        let taken = self.places.taken().len() as u64;
        self.leave(taken.saturating_sub(count))
    }

    /// Checks that every page still holds what was written to it.
    pub(super) fn check(&self) -> Result<()> {
        let offsets = self.places.taken().iter();
        let mut offsets = offsets.map(|&place| place as usize * self.page);
        match offsets.find(|&at| self.area.peek(at) != at as u64) {
            Some(at) => Err(format!("the page at {at:#x} lost what was written to it").into()),
            None => Ok(()),
        }
    }

    fn leave(&mut self, count: u64) -> Result<()> {
        for _ in 0..count {
            let Some(place) = self.places.leave(&mut self.rng) else {
                return Ok(());
            };
            let at = place as usize * self.page;
            self.area.demand(at, self.page, libc::MADV_DONTNEED)?;
        }
        Ok(())
    }
}

/// Free kilobytes, without those on per-CPU lists.
fn free() -> Result<u64> {
    Ok(Counters::meminfo()?.get("MemFree"))
}

fn pages(kilobytes: u64) -> u64 {
    kilobytes * 1024 / memory::page_bytes() as u64
}
