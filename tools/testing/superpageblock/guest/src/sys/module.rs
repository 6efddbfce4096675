// SPDX-License-Identifier: GPL-2.0-only

//! How are kernel modules loaded and removed?

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

/// Loads the module in the file `path` with `parameters`, as on insmod's command line.
pub(crate) fn load(path: impl AsRef<Path>, parameters: &str) -> io::Result<()> {
    let file = File::open(path)?;
    let parameters = CString::new(parameters).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open and the string lives until the call returns.
    let code = unsafe {
        libc::syscall(
            libc::SYS_finit_module,
            file.as_raw_fd(),
            parameters.as_ptr(),
            0,
        )
    };
    outcome(code)
}

/// Removes the module `name`, without waiting for users of it.
pub(crate) fn unload(name: &str) -> io::Result<()> {
    let name = CString::new(name).map_err(io::Error::other)?;
    // SAFETY: the string lives until the call returns.
    let code = unsafe { libc::syscall(libc::SYS_delete_module, name.as_ptr(), libc::O_NONBLOCK) };
    outcome(code)
}

fn outcome(code: libc::c_long) -> io::Result<()> {
    match code {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
