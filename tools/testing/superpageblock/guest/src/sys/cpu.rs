// SPDX-License-Identifier: GPL-2.0-only

//! On which CPU does this process run, and from which node does it get memory?

use std::io;
use std::mem;

use crate::Result;

/// `MPOL_PREFERRED` of `include/uapi/linux/mempolicy.h`.
const PREFERRED: libc::c_int = 1;

/// Keeps this process on one CPU.
pub(crate) fn stay_on(cpu: usize) -> Result<()> {
    // SAFETY: a set of no CPUs is all zeroes.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: only touches the set; numbers out of its range are ignored.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: the set lives until the call returns and has the size given.
    match unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) } {
        0 => Ok(()),
        _ => Err(failed("sched_setaffinity")),
    }
}

/// Takes memory of one node first, from now on.
pub(crate) fn prefer_memory(node: u32) -> Result<()> {
    let nodes: libc::c_ulong = 1 << node;
    // SAFETY: the mask lives until the call returns and has more bits than are asked for.
    match unsafe {
        libc::syscall(
            libc::SYS_set_mempolicy,
            PREFERRED,
            &nodes,
            libc::c_ulong::BITS,
        )
    } {
        0 => Ok(()),
        _ => Err(failed("set_mempolicy")),
    }
}

fn failed(call: &str) -> Box<dyn std::error::Error> {
    format!("{call}: {}", io::Error::last_os_error()).into()
}
