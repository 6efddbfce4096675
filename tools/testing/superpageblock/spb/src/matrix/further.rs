// SPDX-License-Identifier: GPL-2.0-only
//! Which guests are left for those who have more time?

use super::storms;
use super::Row;
use super::BOOST;
use super::BTRFS;
use super::CMA;
use super::CPUHOTPLUG;
use super::CRASH;
use super::FILES;
use super::FIRST_MODULES;
use super::FIRST_OF_NODE;
use super::HIBERNATE;
use super::HIGHATOMIC;
use super::ISOLATION;
use super::KCORE;
use super::MODULE;
use super::MODULES;
use super::ORDERED;
use super::PLAIN;
use super::PRESSURE;
use super::READERS;
use super::REPORTING;
use super::SHUFFLED;
use super::VIRTIO_MEM;
use crate::kernel::Variant;
use crate::memory::Mib;

/// The same guest on the stock kernel, which shows what the test itself does.
const fn on_stock(patched: Row) -> Row {
    Row {
        variant: Variant::Stock,
        twin: patched.name,
        // What every kernel says.
        console: "Linux version",
        gigabytes: false,
        ..patched
    }
}

/// The kernel says when it has initialised the struct pages that it had left for later. The policy attaches after that,
/// when slab has tainted a block.
const LATE: Row = Row {
    name: "every possible 1 GB page after churn, struct pages initialised late",
    variant: Variant::Drivers,
    scenario: "run",
    memory: Mib::gib(8),
    console: "deferred pages initialised",
    gigabytes: true,
    tainted_before: 1,
    seconds: 900,
    ..PLAIN
};

/// Guests that only `spb test-full` boots.
pub const ROWS_FULL: &[Row] = &[
    Row {
        name: "every possible 1 GB page under pressure, debug kernel",
        variant: Variant::Debug,
        memory: Mib::gib(4),
        seconds: 1500,
        ..PRESSURE
    },
    Row {
        name: "kernel memory grows under pressure, stock kernel",
        ..on_stock(PRESSURE)
    },
    Row {
        name: "files came and went, stock kernel",
        ..on_stock(FILES)
    },
    Row {
        name: "every possible 1 GB page after files came and went, debug kernel",
        variant: Variant::Debug,
        seconds: 1500,
        ..FILES
    },
    Row {
        name: "every possible 1 GB page while files are not written back",
        cmdline: "spb.arg.unwritten=1",
        ..FILES
    },
    Row {
        name: "every possible 1 GB page after files came and went on xfs",
        variant: Variant::Drivers,
        cmdline: "spb.arg.fs=xfs",
        mkfs: "xfs",
        // This kernel initialises struct pages late.
        tainted_before: LATE.tainted_before,
        ..FILES
    },
    Row {
        name: "every possible 1 GB page after files came and went on btrfs",
        variant: Variant::Files,
        cmdline: "spb.arg.fs=btrfs",
        mkfs: "btrfs",
        ..FILES
    },
    Row {
        name: "storm of inodes on btrfs",
        variant: Variant::Files,
        cmdline: "spb.arg.kind=inodes spb.arg.fs=btrfs",
        mkfs: "btrfs",
        ..storms::INODES
    },
    Row {
        name: "readers of free lists, KASAN",
        variant: Variant::Kasan,
        scenario: "readers",
        memory: Mib::gib(3),
        seconds: 1500,
        ..PLAIN
    },
    Row {
        name: "churn, KASAN",
        variant: Variant::Kasan,
        scenario: "run",
        cmdline: "spb.arg.rounds=1",
        seconds: 2400,
        ..PLAIN
    },
    Row {
        name: "vmalloc gives memory back, KASAN",
        variant: Variant::Kasan,
        scenario: "vmalloc",
        memory: Mib::gib(3),
        seconds: 1500,
        ..PLAIN
    },
    Row {
        name: "drivers of a general machine",
        variant: Variant::Drivers,
        qemu: "-device e1000 -device nvme,serial=1,drive=nvme0 -drive id=nvme0,if=none,driver=null-co,size=1G \
               -device ich9-ahci -device qemu-xhci -device usb-tablet -device VGA -device intel-hda",
        ..PLAIN
    },
    LATE,
    Row {
        name: "churn, struct pages initialised late, stock kernel",
        variant: Variant::StockFiles,
        console: LATE.console,
        ..on_stock(LATE)
    },
    Row {
        name: "module comes and goes under churn, 8 GB",
        memory: Mib::gib(8),
        seconds: 3000,
        ..MODULE
    },
    Row {
        name: "every possible 1 GB page after churn, policy as module",
        variant: Variant::Module,
        scenario: "module-run",
        memory: Mib::gib(8),
        gigabytes: true,
        tainted_before: 1,
        seconds: 900,
        ..PLAIN
    },
    Row {
        name: "module comes and goes, debug kernel",
        variant: Variant::DebugModule,
        scenario: "module",
        memory: Mib::gib(3),
        cmdline: "spb.arg.cycles=5",
        seconds: 1500,
        ..PLAIN
    },
    Row {
        name: "memory runs out while the module attaches",
        variant: Variant::DebugModule,
        scenario: "module-faults",
        seconds: 900,
        ..PLAIN
    },
    Row {
        name: "a debugger's walk over the free lists, stock kernel",
        ..on_stock(KCORE)
    },
    Row {
        name: "free lists in a crash dump, stock kernel",
        ..on_stock(CRASH)
    },
    Row {
        name: "suspend to disk and resume, stock kernel",
        ..on_stock(HIBERNATE)
    },
    Row {
        name: "free page reporting, stock kernel",
        ..on_stock(REPORTING)
    },
    Row {
        name: "memory modules come and go, stock kernel",
        ..on_stock(MODULES)
    },
    Row {
        name: "first memory of empty zones, stock kernel",
        ..on_stock(FIRST_MODULES)
    },
    Row {
        name: "first memory of a node, stock kernel",
        ..on_stock(FIRST_OF_NODE)
    },
    Row {
        name: "virtio-mem grows and shrinks, stock kernel",
        ..on_stock(VIRTIO_MEM)
    },
    Row {
        name: "memory modules come and go, debug kernel",
        variant: Variant::Debug,
        seconds: 900,
        ..MODULES
    },
    Row {
        name: "CMA areas, stock kernel",
        ..on_stock(CMA)
    },
    Row {
        name: "memory comes and goes under load, stock kernel",
        ..on_stock(ISOLATION)
    },
    Row {
        name: "reserve for high-order atomic requests, stock kernel",
        ..on_stock(HIGHATOMIC)
    },
    Row {
        name: "CPUs come and go under load, stock kernel",
        ..on_stock(CPUHOTPLUG)
    },
    Row {
        name: "memory is shuffled, stock kernel",
        ..on_stock(SHUFFLED)
    },
    Row {
        name: "memory is not shuffled, stock kernel",
        ..on_stock(ORDERED)
    },
    Row {
        name: "btrfs metadata moves, stock kernel",
        variant: Variant::StockFiles,
        ..on_stock(BTRFS)
    },
    Row {
        name: "watermarks are boosted, stock kernel",
        ..on_stock(BOOST)
    },
    Row {
        name: "readers of free lists, stock kernel",
        ..on_stock(READERS)
    },
];
