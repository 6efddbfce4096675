// SPDX-License-Identifier: GPL-2.0-only
//! Which guests does `spb test` boot, and what must they show?

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
    /// Text that must stand on the console.
    pub console: &'static str,
    /// Whether every possible 1 GB page must be obtained, with the least spread and cost.
    pub gigabytes: bool,
    /// Time limit in seconds.
    pub seconds: u64,
}

const ATTACHED: &str = "superpageblock: attached";

/// What most rows share.
const PLAIN: Row = Row {
    name: "",
    variant: Variant::Patched,
    scenario: "smoke",
    memory: Mib::gib(4),
    nodes: 1,
    cmdline: "",
    disks: &[],
    console: ATTACHED,
    gigabytes: false,
    seconds: 400,
};

/// All guests; a row that needs more memory than the host has fails with the reason.
pub const ROWS: [Row; 13] = [
    // KUnit runs on x86 while this one boots.
    Row {
        name: "patched boots",
        cmdline: "kunit.enable=1 kunit.autorun=1",
        ..PLAIN
    },
    Row {
        name: "every possible 1 GB page after churn",
        scenario: "run",
        memory: Mib::gib(8),
        gigabytes: true,
        seconds: 900,
        ..PLAIN
    },
    Row {
        name: "readers of free lists",
        scenario: "readers",
        ..PLAIN
    },
    Row {
        name: "1 GB pages on an idle guest",
        scenario: "hugetlb",
        ..PLAIN
    },
    Row {
        name: "writes to debugfs files",
        scenario: "badinput",
        memory: Mib::gib(3),
        ..PLAIN
    },
    Row {
        name: "all memory on two nodes",
        scenario: "allmem",
        nodes: 2,
        ..PLAIN
    },
    Row {
        name: "readers in memory that is no multiple of 1 GB",
        scenario: "readers",
        memory: Mib::mebi(3500),
        ..PLAIN
    },
    Row {
        name: "all memory where every block is partial",
        scenario: "allmem",
        memory: Mib::mebi(900),
        console: "no zone has a complete block of 1 GB",
        ..PLAIN
    },
    Row {
        name: "all memory in a 1 GB guest",
        scenario: "allmem",
        memory: Mib::gib(1),
        console: "no zone has a complete block of 1 GB",
        ..PLAIN
    },
    Row {
        name: "all memory with the policy off",
        scenario: "allmem",
        memory: Mib::gib(3),
        cmdline: "superpageblock=off",
        console: "superpageblock: off, as superpageblock=off asks",
        ..PLAIN
    },
    Row {
        name: "unknown value of superpageblock=",
        memory: Mib::gib(2),
        cmdline: "superpageblock=maybe",
        console: "unknown value 'maybe' for superpageblock=, use on or off; staying on",
        ..PLAIN
    },
    Row {
        name: "readers of free lists, debug kernel",
        variant: Variant::Debug,
        scenario: "readers",
        memory: Mib::gib(3),
        seconds: 900,
        ..PLAIN
    },
    Row {
        name: "churn, debug kernel",
        variant: Variant::Debug,
        scenario: "run",
        cmdline: "spb.arg.rounds=1",
        seconds: 1200,
        ..PLAIN
    },
];
