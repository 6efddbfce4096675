// SPDX-License-Identifier: GPL-2.0-only

//! How does memory come and go that is taken where nobody can wait for it, as a network card takes it?

use std::thread;
use std::time::Duration;

use crate::rng::Rng;
use crate::scenarios::holder::Holder;
use crate::scenarios::holder::PACKET;
use crate::sys::memory;
use crate::workload::Kind;
use crate::Result;

/// Pages taken at once: less than the kernel keeps free for such requests in the smallest guest.
const BURST: u64 = 64;
/// Time between two bursts, in which others make room: emulated, they take ten times as long as otherwise.
const PAUSE: Duration = Duration::from_millis(16);

/// Pages held by a kernel module.
pub(super) struct Packets {
    holder: Holder,
    pages: u64,
}

impl Packets {
    /// None yet.
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            holder: Holder::insert(0)?,
            pages: 0,
        })
    }
}

impl Kind for Packets {
    fn name(&self) -> &'static str {
        "packets"
    }

    fn held(&self) -> u64 {
        self.pages * memory::page_bytes() as u64
    }

    /// A request that is refused is an error.
    fn grow(&mut self, _rng: &mut Rng) -> Result<()> {
        self.holder.hold(PACKET, self.pages + BURST)?;
        self.pages += BURST;
        thread::sleep(PAUSE);
        Ok(())
    }

    fn shrink(&mut self, _rng: &mut Rng) {
        self.pages = self.pages.saturating_sub(BURST);
        // Giving back does not fail.
        let _ = self.holder.hold(PACKET, self.pages);
    }
}
