// SPDX-License-Identifier: GPL-2.0-only

//! How does anonymous memory come and go?
//!
//! Areas of 64 KB to 8 MB, some with transparent huge pages, some without. They go whole, or hole by
//! hole: single pages where pages are small, mostly whole huge pages where they are huge, because a
//! huge page with a hole keeps its memory until the kernel splits it.

use super::Kind;
use crate::rng::Rng;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::memory::THP_BYTES;
use crate::Result;

const LEAST: u64 = 64 << 10;
const MOST: u64 = 8 << 20;

/// Percentages of areas.
const HUGE: u64 = 35;
/// Percentage of shrink steps that unmap a whole area.
const WHOLE: u64 = 6;
/// Holes punched by one shrink step.
const HOLES: u64 = 24;

/// Anonymous areas.
#[derive(Default)]
pub(crate) struct Anon {
    areas: Vec<Area>,
    held: u64,
}

struct Area {
    mapping: Mapping,
    /// Bytes that go at once: a page or a huge page.
    grain: usize,
    /// Which grains are there.
    present: Vec<bool>,
    /// How many of them.
    left: usize,
}

impl Kind for Anon {
    fn name(&self) -> &'static str {
        "anonymous"
    }

    fn held(&self) -> u64 {
        self.held
    }

    fn grow(&mut self, rng: &mut Rng) -> Result<()> {
        let area = Area::new(rng)?;
        self.held += area.bytes();
        self.areas.push(area);
        Ok(())
    }

    fn shrink(&mut self, rng: &mut Rng) {
        if self.areas.is_empty() {
            return;
        }
        let index = rng.index(self.areas.len());
        let area = &mut self.areas[index];
        self.held -= area.bytes();
        if !rng.chance(WHOLE) {
            area.punch(rng);
        } else {
            area.left = 0;
        }
        self.held += area.bytes();
        if area.left == 0 {
            self.areas.swap_remove(index);
        }
    }
}

impl Area {
    fn new(rng: &mut Rng) -> Result<Self> {
        let huge = rng.chance(HUGE);
        let page = memory::page_bytes();
        let grain = if huge { THP_BYTES } else { page };
        let wanted = rng.sized(LEAST, MOST) as usize;
        let len = wanted.div_ceil(grain) * grain;
        let mapping = Mapping::new(len, 0)?;
        let advice = if huge {
            libc::MADV_HUGEPAGE
        } else {
            libc::MADV_NOHUGEPAGE
        };
        mapping.advise(0, len, advice);
        (0..len).step_by(page).for_each(|at| mapping.touch(at));
        let grains = len / grain;
        Ok(Self {
            mapping,
            grain,
            present: vec![true; grains],
            left: grains,
        })
    }

    fn bytes(&self) -> u64 {
        (self.left * self.grain) as u64
    }

    /// Frees random grains, always at least one.
    fn punch(&mut self, rng: &mut Rng) {
        let holes = 1 + rng.below(HOLES);
        for _ in 0..holes {
            let start = rng.index(self.present.len());
            let grains = self.present.len();
            let Some(found) = (0..grains)
                .map(|i| (start + i) % grains)
                .find(|&i| self.present[i])
            else {
                return;
            };
            self.present[found] = false;
            self.left -= 1;
            self.mapping
                .advise(found * self.grain, self.grain, libc::MADV_DONTNEED);
        }
    }
}
