// SPDX-License-Identifier: GPL-2.0-only

//! What does the processor's clock say?

/// Ticks; on a machine that counts instructions there is one for each.
pub(crate) fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and Linux lets programs use it.
    unsafe { core::arch::x86_64::_rdtsc() }
}
