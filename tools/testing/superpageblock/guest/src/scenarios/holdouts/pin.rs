// SPDX-License-Identifier: GPL-2.0-only

//! How are pages pinned as a device pins them that is to read and write them for as long as it likes?
//!
//! By the kernel's own test of pinning (CONFIG_GUP_TEST), `struct pin_longterm_test`.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;

use crate::sys::memory::Mapping;
use crate::Result;

const DEVICE: &str = "/sys/kernel/debug/gup_test";
/// `PIN_LONGTERM_TEST_START`, `PIN_LONGTERM_TEST_STOP` (mm/gup_test.h): `_IOW('g', 7, …)`, `_IO('g', 8)`.
const START: u64 = 0x4018_6707;
const STOP: u64 = 0x6708;
/// `PIN_LONGTERM_TEST_FLAG_USE_WRITE`
const WRITE: u32 = 1;

#[repr(C)]
struct Arguments {
    address: u64,
    size: u64,
    flags: u32,
}

/// What the device is to do with the pages. Those of a file that a file system has to write back can be pinned to be
/// read only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// Pinned memory; not any more on drop.
#[derive(Debug)]
pub(super) struct Pin(File);

impl Pin {
    /// Pins all pages of `area`.
    pub(super) fn new(area: &Mapping, access: Access) -> Result<Self> {
        let device = OpenOptions::new().read(true).write(true).open(DEVICE);
        let device = device.map_err(|error| format!("{DEVICE}: {error}"))?;
        let arguments = Arguments {
            address: area.address() as u64,
            size: area.len() as u64,
            flags: match access {
                Access::Read => 0,
                Access::Write => WRITE,
            },
        };
        // SAFETY: the kernel reads the structure only, which lives until the call returns.
        match unsafe { libc::ioctl(device.as_raw_fd(), START as _, &arguments) } {
            0 => Ok(Self(device)),
            _ => Err(format!("pin: {}", io::Error::last_os_error()).into()),
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        // SAFETY: this call has no argument.
        unsafe { libc::ioctl(self.0.as_raw_fd(), STOP as _) };
    }
}
