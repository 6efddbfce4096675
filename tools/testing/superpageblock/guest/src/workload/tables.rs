// SPDX-License-Identifier: GPL-2.0-only

//! How do page tables come and go?
//!
//! Areas are read once every 2 MB: each read maps the zero page and costs one page of page tables.

use super::Kind;
use crate::rng::Rng;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::Result;

/// Memory that one page of page tables maps on x86-64 with 4 KB pages.
const REACH: usize = 2 << 20;

/// Sparse areas.
#[derive(Default)]
pub(crate) struct Tables {
    areas: Vec<Mapping>,
    pages: u64,
}

impl Kind for Tables {
    fn name(&self) -> &'static str {
        "page tables"
    }

    fn held(&self) -> u64 {
        self.pages * memory::page_bytes() as u64
    }

    fn grow(&mut self, rng: &mut Rng) -> Result<()> {
        let pages = rng.sized(8, 64) as usize;
        // Neighbouring mappings merge, but each read is in a 2 MB of its own.
        let area = Mapping::new(pages * REACH, libc::MAP_NORESERVE)?;
        area.advise(0, area.len(), libc::MADV_NOHUGEPAGE);
        let first = rng.index(REACH / 8) * 8;
        let offset = (first + REACH - area.misalignment(REACH)) % REACH;
        for page in 0..pages {
            area.peek(offset + page * REACH);
        }
        self.pages += pages as u64;
        self.areas.push(area);
        Ok(())
    }

    fn shrink(&mut self, rng: &mut Rng) {
        if !self.areas.is_empty() {
            let area = self.areas.swap_remove(rng.index(self.areas.len()));
            self.pages -= (area.len() / REACH) as u64;
        }
    }
}
