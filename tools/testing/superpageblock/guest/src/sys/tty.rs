// SPDX-License-Identifier: GPL-2.0-only

//! How does the guest listen to its console?

use std::io;
use std::mem::MaybeUninit;

use crate::Result;

/// Stops the console from printing what comes in; errors are ignored, what follows is only harder to read.
pub(crate) fn silence() {
    let mut settings = MaybeUninit::<libc::termios>::uninit();
    // SAFETY: `settings` is large enough and lives until the call returns.
    if unsafe { libc::tcgetattr(libc::STDIN_FILENO, settings.as_mut_ptr()) } != 0 {
        return;
    }
    // SAFETY: tcgetattr succeeded, so it has filled `settings` in.
    let mut settings = unsafe { settings.assume_init() };
    settings.c_lflag &= !libc::ECHO;
    // SAFETY: `settings` lives until the call returns.
    unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSANOW, &settings) };
}

/// Waits up to `milliseconds` for input.
pub(crate) fn readable(milliseconds: libc::c_int) -> Result<bool> {
    let mut poll = libc::pollfd {
        fd: libc::STDIN_FILENO,
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one structure is passed and it lives until the call returns.
    match unsafe { libc::poll(&mut poll, 1, milliseconds) } {
        -1 => Err(io::Error::last_os_error().into()),
        ready => Ok(ready > 0),
    }
}
