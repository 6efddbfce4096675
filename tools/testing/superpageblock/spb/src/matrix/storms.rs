// SPDX-License-Identifier: GPL-2.0-only
//! Which guests see kernel memory of one kind come in a rush?

use super::Row;
use super::HIGH_MEMORY;
use super::PLAIN;
use crate::memory::Mib;

/// In memory that is full of something else.
const STORM: Row = Row {
    scenario: "storms",
    memory: Mib::gib(4),
    qemu: HIGH_MEMORY,
    disks: &[3 << 10],
    mkfs: "ext4",
    gigabytes: true,
    migration_cost: 1.5,
    seconds: 600,
    ..PLAIN
};

/// Names and inodes, while page cache fills memory.
pub(super) const INODES: Row = Row {
    name: "every possible 1 GB page after a storm of inodes",
    cmdline: "spb.arg.kind=inodes",
    ..STORM
};

/// Data queued in sockets.
pub(super) const SOCKETS: Row = Row {
    name: "every possible 1 GB page after a storm of sockets",
    cmdline: "spb.arg.kind=sockets",
    disks: &[],
    ..STORM
};

/// Requests that cannot wait.
pub(super) const PACKETS: Row = Row {
    name: "every possible 1 GB page after a storm of packets",
    cmdline: "spb.arg.kind=packets",
    ..STORM
};

/// Processes that live at the same time.
pub(super) const PROCESSES: Row = Row {
    name: "every possible 1 GB page after a storm of processes",
    cmdline: "spb.arg.kind=processes",
    disks: &[],
    ..STORM
};

/// Files of a control group that may have little memory.
pub(super) const LIMITED: Row = Row {
    name: "every possible 1 GB page after a storm in a control group",
    cmdline: "spb.arg.kind=limited",
    ..STORM
};

/// Memory is swapped out to compressed memory.
pub(super) const SWAPPED: Row = Row {
    name: "every possible 1 GB page after a storm of swapping",
    cmdline: "spb.arg.kind=swapped",
    disks: &[],
    ..STORM
};
