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
    /// What memory may grow to while the guest runs.
    pub maxmem: Option<Mib>,
    /// Further QEMU arguments, separated by blanks.
    pub qemu: &'static str,
    /// Sizes in MiB of the empty disks it gets.
    pub disks: &'static [u64],
    /// File system on them, none if empty.
    pub mkfs: &'static str,
    /// Text that must stand on the console.
    pub console: &'static str,
    /// Whether every possible 1 GB page must be obtained, with the least spread.
    pub gigabytes: bool,
    /// Then, pages that may be migrated for each that has to move.
    pub migration_cost: f64,
    /// Time limit in seconds.
    pub seconds: u64,
}

const ATTACHED: &str = "superpageblock: attached";
/// What every kernel says.
const ANY: &str = "Linux version";

/// What most rows share.
const PLAIN: Row = Row {
    name: "",
    variant: Variant::Patched,
    scenario: "smoke",
    memory: Mib::gib(4),
    nodes: 1,
    cmdline: "",
    maxmem: None,
    qemu: "",
    disks: &[],
    mkfs: "",
    console: ATTACHED,
    gigabytes: false,
    migration_cost: 1.1,
    seconds: 400,
};

/// Freed memory goes back to the host.
const REPORTING: Row = Row {
    name: "free page reporting",
    scenario: "reporting",
    qemu: "-device virtio-balloon-pci,free-page-reporting=on",
    ..PLAIN
};

/// Half of 2 GB is in the zone that modules are added to.
const HIGH_MEMORY: &str = "-machine max-ram-below-4g=1G";

/// Modules of memory for zones that have some.
const MODULES: Row = Row {
    name: "memory modules come and go",
    scenario: "hotplug",
    memory: Mib::gib(2),
    maxmem: Some(Mib::gib(7)),
    qemu: HIGH_MEMORY,
    ..PLAIN
};

/// Modules of memory for zones that have none.
const FIRST_MODULES: Row = Row {
    name: "first memory of empty zones",
    scenario: "hotzone",
    memory: Mib::gib(3),
    maxmem: Some(Mib::gib(7)),
    ..PLAIN
};

/// The same for a node that has none.
const FIRST_OF_NODE: Row = Row {
    name: "first memory of a node",
    cmdline: "spb.arg.node=1",
    qemu: "-object memory-backend-ram,id=all,size=3G -numa node,nodeid=0,memdev=all -numa node,nodeid=1",
    ..FIRST_MODULES
};

/// Memory in small steps.
const VIRTIO_MEM: Row = Row {
    name: "virtio-mem grows and shrinks",
    scenario: "virtiomem",
    memory: Mib::gib(2),
    maxmem: Some(Mib::gib(5)),
    qemu: "-machine max-ram-below-4g=1G -object memory-backend-ram,id=small,size=3G -device virtio-mem-pci,id=vmem,memdev=small",
    ..PLAIN
};

/// CMA areas of both kinds.
const CMA: Row = Row {
    name: "CMA areas",
    scenario: "cma",
    cmdline: "cma=512M hugetlb_cma=1G",
    ..PLAIN
};

/// Memory is isolated, retired and given back.
const ISOLATION: Row = Row {
    name: "memory comes and goes under load",
    scenario: "isolation",
    ..PLAIN
};

/// Signals are queued in slabs of order 3 on a remote node.
const HIGHATOMIC: Row = Row {
    name: "reserve for high-order atomic requests",
    scenario: "highatomic",
    nodes: 2,
    cmdline: "slab_min_order=3 slab_strict_numa",
    ..PLAIN
};

/// CPUs go and come.
const CPUHOTPLUG: Row = Row {
    name: "CPUs come and go under load",
    scenario: "cpuhotplug",
    memory: Mib::gib(3),
    ..PLAIN
};

/// Free memory in random order.
const SHUFFLED: Row = Row {
    name: "memory is shuffled",
    scenario: "shuffle",
    cmdline: "page_alloc.shuffle=1",
    ..PLAIN
};

/// What [`SHUFFLED`] is compared with.
const ORDERED: Row = Row {
    name: "memory is not shuffled",
    cmdline: "",
    ..SHUFFLED
};

/// Kernel memory grows into movable memory that is full of holes.
const BOOST: Row = Row {
    name: "watermarks are boosted",
    scenario: "boost",
    ..PLAIN
};

/// Metadata of a file system moves.
const BTRFS: Row = Row {
    name: "btrfs metadata moves",
    scenario: "btrfs",
    // Room for the metadata in a gigabyte that boot uses nothing of.
    memory: Mib::gib(3),
    disks: &[1024],
    mkfs: "btrfs",
    ..PLAIN
};

/// Kernel memory grows in memory that is full of movable pages.
const PRESSURE: Row = Row {
    name: "every possible 1 GB page under pressure",
    scenario: "pressure",
    memory: Mib::gib(8),
    gigabytes: true,
    // The worker may still be at work meanwhile, and its migrations count too.
    migration_cost: 1.5,
    seconds: 900,
    ..PLAIN
};

/// What [`PRESSURE`] is compared with.
const PRESSURE_STOCK: Row = Row {
    name: "kernel memory grows under pressure, stock kernel",
    variant: Variant::Stock,
    console: ANY,
    gigabytes: false,
    ..PRESSURE
};

/// All guests; a row that needs more memory than the host has fails with the reason.
pub const ROWS: [Row; 35] = [
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
    PRESSURE,
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
    Row {
        name: "pages in holes of memory, debug kernel",
        variant: Variant::Debug,
        scenario: "pages",
        // Memory on both sides of the hole below 4 GB.
        memory: Mib::gib(5),
        cmdline: "kunit.enable=1 kunit.autorun=1",
        ..PLAIN
    },
    Row {
        name: "module comes and goes under churn",
        variant: Variant::Module,
        scenario: "module",
        seconds: 1500,
        ..PLAIN
    },
    // Its clock counts instructions.
    Row {
        name: "no step of attaching is longer than moving a pageblock",
        variant: Variant::Module,
        scenario: "module-pace",
        memory: Mib::gib(3),
        cmdline: "kunit.enable=1 kunit.autorun=1",
        qemu: "-icount shift=0,sleep=off",
        ..PLAIN
    },
    Row {
        name: "module where the policy is off",
        variant: Variant::Module,
        scenario: "module-off",
        cmdline: "superpageblock=off",
        console: "superpageblock: off, as superpageblock=off asks",
        ..PLAIN
    },
    Row {
        name: "module beside a policy built in",
        scenario: "module-busy",
        ..PLAIN
    },
    Row {
        name: "a debugger's walk over the free lists",
        scenario: "kcore",
        memory: Mib::gib(3),
        ..PLAIN
    },
    Row {
        name: "free lists in a crash dump",
        scenario: "crash",
        cmdline: "crashkernel=256M",
        // Said by the crash kernel, which has no more memory than that.
        console: "no zone has a complete block of 1 GB",
        ..PLAIN
    },
    Row {
        name: "suspend to disk and resume",
        scenario: "hibernate",
        memory: Mib::gib(3),
        cmdline: "resume=/dev/vda",
        disks: &[2048, 128],
        ..PLAIN
    },
    REPORTING,
    MODULES,
    FIRST_MODULES,
    FIRST_OF_NODE,
    VIRTIO_MEM,
    CMA,
    ISOLATION,
    CPUHOTPLUG,
    SHUFFLED,
    ORDERED,
    BTRFS,
    BOOST,
    // As little memory as a crash kernel has.
    Row {
        name: "256 MB",
        memory: Mib::mebi(256),
        console: "no zone has a complete block of 1 GB",
        ..PLAIN
    },
];

/// Guests that only `spb test-full` boots.
pub const ROWS_FULL: &[Row] = &[
    // Drives the machine into a lack of memory, which it does not survive each time.
    HIGHATOMIC,
    Row {
        name: "every possible 1 GB page under pressure, debug kernel",
        variant: Variant::Debug,
        memory: Mib::gib(4),
        seconds: 1500,
        ..PRESSURE
    },
    PRESSURE_STOCK,
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
        variant: Variant::Stock,
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
