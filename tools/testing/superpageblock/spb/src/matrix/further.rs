// SPDX-License-Identifier: GPL-2.0-only
//! Which guests are left for those who have more time?

use super::Row;
use super::ANY;
use super::BOOST;
use super::BTRFS;
use super::CMA;
use super::CPUHOTPLUG;
use super::FILES;
use super::FILES_STOCK;
use super::FIRST_MODULES;
use super::FIRST_OF_NODE;
use super::HIGHATOMIC;
use super::ISOLATION;
use super::MODULES;
use super::ORDERED;
use super::PLAIN;
use super::PRESSURE;
use super::PRESSURE_STOCK;
use super::REPORTING;
use super::SHUFFLED;
use super::VIRTIO_MEM;
use crate::kernel::Variant;
use crate::memory::Mib;

/// Guests that only `spb test-full` boots.
pub const ROWS_FULL: &[Row] = &[
    Row {
        name: "every possible 1 GB page under pressure, debug kernel",
        variant: Variant::Debug,
        memory: Mib::gib(4),
        seconds: 1500,
        ..PRESSURE
    },
    PRESSURE_STOCK,
    FILES_STOCK,
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
    Row {
        name: "every possible 1 GB page after churn, struct pages initialised late",
        variant: Variant::Drivers,
        scenario: "run",
        memory: Mib::gib(8),
        gigabytes: true,
        seconds: 900,
        ..PLAIN
    },
    Row {
        name: "module comes and goes under churn, 8 GB",
        variant: Variant::Module,
        scenario: "module",
        memory: Mib::gib(8),
        cmdline: "spb.arg.cycles=20",
        seconds: 1500,
        ..PLAIN
    },
    Row {
        name: "every possible 1 GB page after churn, policy as module",
        variant: Variant::Module,
        scenario: "module-run",
        memory: Mib::gib(8),
        gigabytes: true,
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
        name: "a debugger's walk over the free lists, stock",
        variant: Variant::Stock,
        scenario: "kcore",
        memory: Mib::gib(3),
        console: "",
        ..PLAIN
    },
    Row {
        name: "free lists in a crash dump, stock",
        variant: Variant::Stock,
        scenario: "crash",
        cmdline: "crashkernel=256M",
        console: "",
        ..PLAIN
    },
    Row {
        name: "suspend to disk and resume, stock",
        variant: Variant::Stock,
        scenario: "hibernate",
        memory: Mib::gib(3),
        cmdline: "resume=/dev/vda",
        disks: &[2048, 128],
        console: "",
        ..PLAIN
    },
    Row {
        name: "free page reporting, stock kernel",
        variant: Variant::Stock,
        console: ANY,
        ..REPORTING
    },
    Row {
        name: "memory modules come and go, stock kernel",
        variant: Variant::Stock,
        console: ANY,
        ..MODULES
    },
    Row {
        name: "first memory of empty zones, stock kernel",
        variant: Variant::Stock,
        console: ANY,
        ..FIRST_MODULES
    },
    Row {
        name: "first memory of a node, stock kernel",
        variant: Variant::Stock,
        console: ANY,
        ..FIRST_OF_NODE
    },
    Row {
        name: "virtio-mem grows and shrinks, stock kernel",
        variant: Variant::Stock,
        console: ANY,
        ..VIRTIO_MEM
    },
    Row {
        name: "memory modules come and go, debug kernel",
        variant: Variant::Debug,
        seconds: 900,
        ..MODULES
    },
    Row {
        variant: Variant::Stock,
        name: "CMA areas, stock kernel",
        console: ANY,
        ..CMA
    },
    Row {
        variant: Variant::Stock,
        name: "memory comes and goes under load, stock kernel",
        console: ANY,
        ..ISOLATION
    },
    Row {
        variant: Variant::Stock,
        name: "reserve for high-order atomic requests, stock kernel",
        console: ANY,
        ..HIGHATOMIC
    },
    Row {
        variant: Variant::Stock,
        name: "CPUs come and go under load, stock kernel",
        console: ANY,
        ..CPUHOTPLUG
    },
    Row {
        variant: Variant::Stock,
        name: "memory is shuffled, stock kernel",
        console: ANY,
        ..SHUFFLED
    },
    Row {
        variant: Variant::Stock,
        name: "memory is not shuffled, stock kernel",
        console: ANY,
        ..ORDERED
    },
    Row {
        variant: Variant::StockFiles,
        name: "btrfs metadata moves, stock kernel",
        console: ANY,
        ..BTRFS
    },
    Row {
        variant: Variant::Stock,
        name: "watermarks are boosted, stock kernel",
        console: ANY,
        ..BOOST
    },
    Row {
        variant: Variant::Stock,
        name: "readers of free lists, stock kernel",
        console: ANY,
        scenario: "readers",
        ..PLAIN
    },
];
