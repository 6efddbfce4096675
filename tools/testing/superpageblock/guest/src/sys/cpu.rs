// SPDX-License-Identifier: GPL-2.0-only

//! On which CPU does this process run?

use std::io;
use std::mem;

use crate::Result;

/// Keeps this process on one CPU.
pub(crate) fn stay_on(cpu: usize) -> Result<()> {
    // SAFETY: a set of no CPUs is all zeroes.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: only touches the set; numbers out of its range are ignored.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the set lives until the call returns and has the size given.
    match unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) } {
        0 => Ok(()),
        _ => Err(format!("sched_setaffinity: {}", io::Error::last_os_error()).into()),
    }
}
