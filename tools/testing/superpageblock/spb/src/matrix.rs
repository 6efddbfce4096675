// SPDX-License-Identifier: GPL-2.0-only
//! Which guests does `spb test` boot, and what must they show?

mod further;
mod storms;

use crate::kernel::Variant;
use crate::memory::Mib;

pub use self::further::ROWS_FULL;

/// One guest of the test run.
pub struct Row {
    /// Name of the case.
    pub name: &'static str,
    /// Kernel.
    pub variant: Variant,
    /// On stock: name of the same guest on a patched kernel, if there is one.
    pub twin: &'static str,
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
    /// Then, blocks that kernel memory may have tainted before the policy came, and which it does not give back.
    pub tainted_before: u32,
    /// Then, pages that may be migrated for each that has to move.
    pub migration_cost: f64,
    /// Time limit in seconds.
    pub seconds: u64,
}

const ATTACHED: &str = "superpageblock: attached";

/// What most rows share.
const PLAIN: Row = Row {
    name: "",
    variant: Variant::Patched,
    twin: "",
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
    tainted_before: 0,
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

/// All memory but a gigabyte is in one zone: complete gigabytes in a small guest.
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

/// The second node has no CPU: nothing but the test asks for its memory.
const HIGHATOMIC: Row = Row {
    name: "reserve for high-order atomic requests",
    scenario: "highatomic",
    memory: Mib::gib(3),
    qemu: "-object memory-backend-ram,id=near,size=1G -object memory-backend-ram,id=far,size=2G \
           -numa node,nodeid=0,memdev=near -numa node,nodeid=1,memdev=far",
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
    seconds: 900,
    ..PLAIN
};

/// Page cache, then anonymous memory, fills everything.
const RESERVE: Row = Row {
    name: "movable memory leaves a reserve and can have it",
    scenario: "reserve",
    disks: &[512],
    mkfs: "ext4",
    ..PLAIN
};

/// Kernel memory and movable pages share pageblocks.
const MIXED: Row = Row {
    name: "movable pages leave pageblocks of the kernel",
    scenario: "mixed",
    memory: Mib::gib(3),
    ..PLAIN
};

/// What runs in the background.
const WORKER: Row = Row {
    name: "the worker takes little of the machine",
    scenario: "worker",
    memory: Mib::gib(3),
    ..PLAIN
};

/// Metadata of a file system moves.
const BTRFS: Row = Row {
    name: "btrfs metadata moves, debug kernel",
    variant: Variant::Debug,
    scenario: "btrfs",
    // Room for the metadata in a gigabyte that boot uses nothing of.
    memory: Mib::gib(3),
    disks: &[1024],
    mkfs: "btrfs",
    seconds: 900,
    ..PLAIN
};

/// Kernel memory grows in memory that is full of movable pages.
const PRESSURE: Row = Row {
    name: "every possible 1 GB page under pressure",
    scenario: "pressure",
    memory: Mib::gib(6),
    qemu: HIGH_MEMORY,
    gigabytes: true,
    // The worker may still be at work meanwhile, and its migrations count too.
    migration_cost: 1.5,
    seconds: 900,
    ..PLAIN
};

/// Compaction holds pages wherever it happens to be.
const COMPACTION: Row = Row {
    name: "1 GB pages in the middle of compaction",
    scenario: "compaction",
    // One gigabyte that can be had, so that no other will do.
    memory: Mib::gib(3),
    qemu: HIGH_MEMORY,
    seconds: 900,
    ..PLAIN
};

/// A journal holds on to metadata that is in the way.
const FILES: Row = Row {
    name: "every possible 1 GB page after files came and went",
    scenario: "files",
    memory: Mib::gib(4),
    qemu: HIGH_MEMORY,
    disks: &[4 << 10],
    mkfs: "ext4",
    gigabytes: true,
    seconds: 900,
    ..PLAIN
};

/// Pages are locked, huge and, for a while, pinned.
const HOLDOUTS: Row = Row {
    name: "every possible 1 GB page among pages that are hard to move",
    scenario: "holdouts",
    memory: Mib::gib(4),
    qemu: HIGH_MEMORY,
    disks: &[1 << 10],
    mkfs: "ext4",
    gigabytes: true,
    ..PLAIN
};

/// The workload, for a while.
const SOAK: Row = Row {
    name: "kernel memory does not spread with time",
    scenario: "soak",
    cmdline: "spb.arg.rounds=6",
    gigabytes: true,
    seconds: 900,
    ..PLAIN
};

/// Allocations fail where memory is taken and moved.
const FAULTS: Row = Row {
    name: "every possible 1 GB page after allocations failed",
    variant: Variant::Debug,
    scenario: "faults",
    memory: Mib::gib(4),
    gigabytes: true,
    seconds: 900,
    ..PLAIN
};

/// The policy comes and goes.
const MODULE: Row = Row {
    name: "module comes and goes under churn",
    variant: Variant::Module,
    scenario: "module",
    seconds: 1500,
    ..PLAIN
};

/// Everybody who walks free lists does so.
const READERS: Row = Row {
    name: "readers of free lists",
    scenario: "readers",
    ..PLAIN
};

/// A debugger looks at the free lists of the running kernel.
const KCORE: Row = Row {
    name: "a debugger's walk over the free lists",
    scenario: "kcore",
    memory: Mib::gib(3),
    ..PLAIN
};

/// A crash kernel looks at those of the dead one.
const CRASH: Row = Row {
    name: "free lists in a crash dump",
    scenario: "crash",
    cmdline: "crashkernel=256M",
    // Said by the crash kernel, which has no more memory than that.
    console: "no zone has a complete block of 1 GB",
    ..PLAIN
};

/// Memory goes to disk and comes back.
const HIBERNATE: Row = Row {
    name: "suspend to disk and resume",
    scenario: "hibernate",
    memory: Mib::gib(3),
    cmdline: "resume=/dev/vda",
    disks: &[2048, 128],
    ..PLAIN
};

/// All guests; a row that needs more memory than the host has fails with the reason.
pub const ROWS: [Row; 50] = [
    // KUnit runs on x86 while this one boots.
    Row {
        name: "patched boots",
        cmdline: "kunit.enable=1 kunit.autorun=1",
        ..PLAIN
    },
    Row {
        name: "every possible 1 GB page after churn",
        scenario: "run",
        memory: Mib::gib(6),
        qemu: HIGH_MEMORY,
        gigabytes: true,
        seconds: 900,
        ..PLAIN
    },
    PRESSURE,
    COMPACTION,
    FILES,
    HOLDOUTS,
    storms::INODES,
    storms::SOCKETS,
    storms::PACKETS,
    storms::PROCESSES,
    storms::LIMITED,
    storms::SWAPPED,
    FAULTS,
    SOAK,
    READERS,
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
    MODULE,
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
    KCORE,
    CRASH,
    HIBERNATE,
    REPORTING,
    MODULES,
    FIRST_MODULES,
    FIRST_OF_NODE,
    VIRTIO_MEM,
    CMA,
    ISOLATION,
    HIGHATOMIC,
    CPUHOTPLUG,
    SHUFFLED,
    ORDERED,
    BTRFS,
    BOOST,
    RESERVE,
    MIXED,
    WORKER,
    // As little memory as a crash kernel has.
    Row {
        name: "256 MB",
        memory: Mib::mebi(256),
        console: "no zone has a complete block of 1 GB",
        ..PLAIN
    },
];
