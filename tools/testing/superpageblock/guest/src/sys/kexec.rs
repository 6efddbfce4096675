// SPDX-License-Identifier: GPL-2.0-only

//! How is the kernel loaded that starts after a panic?

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use super::files;
use crate::Result;

/// `KEXEC_FILE_ON_CRASH` of `include/uapi/linux/kexec.h`.
const ON_CRASH: libc::c_ulong = 2;

/// Bytes that the running kernel keeps for a crash kernel.
pub(crate) fn reserved() -> Result<u64> {
    files::read_number("/sys/kernel/kexec/crash_size")
}

/// Loads a crash kernel from regular files.
pub(crate) fn load(kernel: &Path, initramfs: &Path, cmdline: &str) -> Result<()> {
    let open = |path: &Path| File::open(path).map_err(|e| format!("{}: {e}", path.display()));
    let (kernel, initramfs) = (open(kernel)?, open(initramfs)?);
    let cmdline = CString::new(cmdline)?;
    // SAFETY: both descriptors are open and the command line lives until the call returns; the
    // kernel checks all of them and only copies.
    let code = unsafe {
        libc::syscall(
            libc::SYS_kexec_file_load,
            kernel.as_raw_fd(),
            initramfs.as_raw_fd(),
            cmdline.as_bytes_with_nul().len(),
            cmdline.as_ptr(),
            ON_CRASH,
        )
    };
    if code == 0 {
        Ok(())
    } else {
        Err(format!("kexec_file_load: {}", io::Error::last_os_error()).into())
    }
}
