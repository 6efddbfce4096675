// SPDX-License-Identifier: GPL-2.0-only

//! How is nearly all memory taken, and given back at once?

use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::stat::Counters;
use crate::Result;

/// Bytes taken between two looks at what is left.
const STEP: usize = 16 << 20;

/// Anonymous memory in small pages, given back on drop.
#[derive(Debug, Default)]
pub(crate) struct Filler {
    areas: Vec<Mapping>,
}

impl Filler {
    /// Takes memory until `left_kb` kilobytes are available, or `most` bytes are taken.
    pub(crate) fn fill(&mut self, left_kb: u64, most: u64) -> Result<()> {
        let page = memory::page_bytes();
        let goal = self.bytes().saturating_add(most);
        while self.bytes() < goal && Counters::meminfo()?.get("MemAvailable") > left_kb {
            let area = Mapping::new(STEP, 0)?;
            area.advise(0, STEP, libc::MADV_NOHUGEPAGE);
            // A process made meanwhile has page tables of its own for what it uses.
            area.advise(0, STEP, libc::MADV_DONTFORK);
            (0..STEP).step_by(page).for_each(|at| area.touch(at));
            self.areas.push(area);
        }
        Ok(())
    }

    /// Gives back all but each `n`th part.
    pub(crate) fn keep_every(&mut self, n: usize) {
        let mut parts = 0;
        self.areas.retain(|_| {
            parts += 1;
            parts % n == 0
        });
    }

    /// Locks each `n`th part.
    pub(crate) fn lock_every(&self, n: usize) -> Result<()> {
        self.areas.iter().step_by(n).try_for_each(Mapping::lock)
    }

    /// The parts.
    pub(crate) fn areas(&self) -> &[Mapping] {
        &self.areas
    }

    /// Bytes taken.
    pub(crate) fn bytes(&self) -> u64 {
        (self.areas.len() * STEP) as u64
    }

    /// Checks that every page still holds what was written to it.
    pub(crate) fn check(&self) -> Result<()> {
        for area in &self.areas {
            let mut pages = (0..STEP).step_by(memory::page_bytes());
            if let Some(at) = pages.find(|&at| area.peek(at) != at as u64) {
                return Err(format!("the page at {at:#x} lost what was written to it").into());
            }
        }
        Ok(())
    }
}
