// SPDX-License-Identifier: GPL-2.0-only

//! Does a crash kernel start when this one panics?
//!
//! What it finds in the dump is the other half, [`super::vmcore`].

use std::path::Path;

use crate::holes::Holed;
use crate::protocol;
use crate::rng::Rng;
use crate::sys::files;
use crate::sys::kexec;
use crate::sys::memory;
use crate::sys::zoneinfo;
use crate::verify;
use crate::Result;

/// The kernel and the archive of this program, put there by the host.
const KERNEL: &str = "/boot/bzImage";
const INITRAMFS: &str = "/boot/initramfs.cpio";
/// Bytes of memory with holes.
const HELD: usize = 256 << 20;

/// Loads the crash kernel and panics; returns only if that fails.
pub(crate) fn run() -> Result<()> {
    if kexec::reserved()? == 0 {
        return Err("no memory is kept for a crash kernel: boot with crashkernel=256M".into());
    }
    verify::check()?;
    let mut rng = Rng::new(1, 0);
    let held = Holed::new(HELD / memory::page_bytes(), &mut rng, |_, page| {
        page.fill(1)
    })?;
    let free: u64 = zoneinfo::zones()?.iter().map(|z| z.free).sum();
    let patched = u8::from(verify::patched());
    let cmdline = format!(
        "console=ttyS0 panic=-1 nr_cpus=1 spb.scenario=vmcore spb.arg.free={free} spb.arg.blocks={patched}"
    );
    kexec::load(Path::new(KERNEL), Path::new(INITRAMFS), &cmdline)?;
    protocol::ok("crash_kernel_loads");
    // From here to the next kernel's first line, the host takes complaints for what they are.
    protocol::metric("crash", "expected");
    files::write("/proc/sysrq-trigger", "c")?;
    drop(held);
    Err("the kernel did not panic".into())
}
