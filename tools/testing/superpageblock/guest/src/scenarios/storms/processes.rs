// SPDX-License-Identifier: GPL-2.0-only

//! How do very many processes come and go that all live at the same time?

use crate::rng::Rng;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::process::Child;
use crate::workload::Kind;
use crate::Result;

/// Processes started by one step.
const AT_ONCE: u64 = 16;
/// Kernel memory of a process: a stack of 16 KB, its tables, task and memory descriptors.
const BYTES: u64 = 96 << 10;
/// Pages that each of them touches.
const PAGES: usize = 8;

/// Processes that wait to be ended.
#[derive(Default)]
pub(super) struct Processes {
    children: Vec<Child>,
}

impl Kind for Processes {
    fn name(&self) -> &'static str {
        "processes"
    }

    fn held(&self) -> u64 {
        self.children.len() as u64 * BYTES
    }

    fn grow(&mut self, _rng: &mut Rng) -> Result<()> {
        for _ in 0..AT_ONCE {
            self.children.push(Child::spawn("sleeper", sleep)?);
        }
        Ok(())
    }

    fn shrink(&mut self, rng: &mut Rng) {
        if !self.children.is_empty() {
            drop(self.children.swap_remove(rng.index(self.children.len())));
        }
    }
}

/// Has some memory of its own until it is killed.
fn sleep() -> Result<()> {
    let page = memory::page_bytes();
    let own = Mapping::new(PAGES * page, 0)?;
    (0..PAGES).for_each(|index| own.touch(index * page));
    loop {
        // SAFETY: it has no preconditions.
        unsafe { libc::pause() };
    }
}
