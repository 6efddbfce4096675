// SPDX-License-Identifier: GPL-2.0-only

//! How does a debugger find the free pages of a kernel whose memory it can read?
//!
//! - [`elfcore`]: memory by virtual address, from `/proc/kcore` or `/proc/vmcore`;
//! - [`paging`]: addresses that the core file's headers do not cover;
//! - [`info`]: what the VMCOREINFO note says, [`layout`]: where fields are, by that note;
//! - [`lists`]: zones and what is on their free lists.
//!
//! Nothing else is known of the kernel but that `nr_free` follows the lists in `struct free_area`, and that
//! a superpageblock is a gigabyte whose structure begins with its free areas.

mod elfcore;
mod info;
mod layout;
mod lists;
mod paging;

use std::path::Path;

use elfcore::Core;
use layout::Layout;
pub(crate) use lists::pages;
pub(crate) use lists::FreeZone;

use crate::Result;

/// A source of kernel memory.
pub(crate) trait Memory {
    /// Fills `buffer` from a kernel virtual address; it must not cross a page.
    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<()>;

    /// The 64-bit word at a kernel virtual address.
    fn word(&self, address: u64) -> Result<u64> {
        let mut bytes = [0; 8];
        self.read(address, &mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }
}

/// A core file whose free lists can be walked, any number of times.
pub(crate) struct Dump {
    core: Core,
    layout: Layout,
}

impl Dump {
    /// Opens `/proc/kcore`, `/proc/vmcore` or the like.
    pub(crate) fn open(path: impl AsRef<Path>) -> Result<Self> {
        let (core, info) = Core::open(path.as_ref())?;
        Ok(Self {
            layout: Layout::new(&info)?,
            core,
        })
    }

    /// The zones that have memory, by node and index, as their free lists are now.
    pub(crate) fn zones(&self) -> Result<Vec<FreeZone>> {
        lists::zones(&self.core, &self.layout)
    }
}
