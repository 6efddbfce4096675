// SPDX-License-Identifier: GPL-2.0-only
//! Which guests does `spb test` boot?

use crate::kernel::Variant;
use crate::memory::Mib;

/// One guest of the test run.
pub struct Row {
    /// Name of the case.
    pub name: &'static str,
    /// Kernel.
    pub variant: Variant,
    /// Scenario of the guest program.
    pub scenario: &'static str,
    /// Memory.
    pub memory: Mib,
    /// NUMA nodes.
    pub nodes: u32,
    /// Further kernel parameters.
    pub cmdline: &'static str,
    /// Sizes in MiB of the empty disks it gets.
    pub disks: &'static [u64],
    /// Time limit in seconds.
    pub seconds: u64,
}

/// All guests; a row that needs more memory than the host has fails with the reason.
pub const ROWS: [Row; 3] = [
    Row {
        name: "stock boots",
        variant: Variant::Stock,
        scenario: "smoke",
        memory: Mib::gib(2),
        nodes: 1,
        cmdline: "",
        disks: &[],
        seconds: 120,
    },
    // KUnit runs on x86 while this one boots.
    Row {
        name: "patched boots",
        variant: Variant::Patched,
        scenario: "smoke",
        memory: Mib::gib(4),
        nodes: 1,
        cmdline: "kunit.enable=1",
        disks: &[],
        seconds: 180,
    },
    Row {
        name: "patched boots on two nodes",
        variant: Variant::Patched,
        scenario: "smoke",
        memory: Mib::gib(4),
        nodes: 2,
        cmdline: "",
        disks: &[],
        seconds: 120,
    },
];
