// SPDX-License-Identifier: GPL-2.0-only

//! How does the guest write back its data and end?

/// Writes back what is dirty and powers the machine off.
pub(crate) fn off() -> ! {
    write_back();
    // SAFETY: reboot has no memory preconditions; PID 1 is meant to end this way.
    unsafe { libc::reboot(libc::RB_POWER_OFF) };
    // Not PID 1, or no way to power off: the host's time limit ends the machine.
    std::process::exit(1);
}

/// Writes back what is dirty and waits for it.
pub(crate) fn write_back() {
    // SAFETY: sync has no preconditions.
    unsafe { libc::sync() };
}
