// SPDX-License-Identifier: GPL-2.0-only

//! Which scenarios are there?
//!
//! - [`smoke`]: the guest boots and its memory is as expected;
//! - [`run`]: fragment memory, then ask for huge pages and measure ([`measure`], [`request`]);
//! - [`pressure`]: the same after kernel memory grew in memory full of movable pages;
//! - [`soak`]: memory fills and empties again and again;
//! - [`files`]: the same after a file system was busy;
//! - [`storms`]: the same after kernel memory of one kind came in a rush in full memory;
//! - [`holdouts`]: the same among pages that are locked, huge or pinned;
//! - [`allmem`]: nearly all memory is allocated and freed;
//! - [`hugetlb`]: 1 GB pages come, are used and go on an idle machine;
//! - [`badinput`]: writes to read-only debugfs files are refused;
//! - [`module`]: the policy is loaded and removed, refused, and short of memory;
//! - [`readers`]: everything that walks free lists agrees, memory goes offline and online
//!   ([`showmem`], [`offline`]);
//! - [`reporting`]: freed memory goes back to the host;
//! - [`hotplug`]: memory is added and removed, by modules and by virtio-mem;
//! - [`btrfs`], [`cma`], [`highatomic`], [`shuffle`]: other users of free lists;
//! - [`isolation`], [`cpuhotplug`]: memory and CPUs go and come under load ([`churn`], [`poison`], [`totals`]);
//! - [`pages`]: pages in holes of memory name the right zone;
//! - [`bench`]: what allocating and freeing cost; [`locks`]: how long zone->lock is held;
//! - [`boost`]: watermarks rise when kernel memory breaks into movable memory;
//! - [`faults`]: allocations fail where memory is taken and moved;
//! - [`mixed`]: movable pages leave pageblocks that the kernel has claimed;
//! - [`reserve`]: movable memory leaves what is kept for kernel memory, and can have it all the same;
//! - [`record`]: allocations of ordinary programs, for replay on the host;
//! - [`worker`]: what the policy's worker takes of the machine;
//! - [`vmalloc`]: areas given back are purged in peace;
//! - [`selftests`]: the kernel's own mm tests.
//!
//! - [`kcore`]: a debugger's walk over the free lists of the running kernel agrees with its counts;
//! - [`crash`]: the kernel panics and [`vmcore`], in the crash kernel, does that walk in the dump;
//! - [`hibernate`]: memory survives suspend to disk.
//!
//! `shell` is an interactive shell, if the initramfs has one.

mod allmem;
mod badinput;
mod bench;
mod boost;
mod btrfs;
mod churn;
mod cma;
mod cpuhotplug;
mod crash;
mod faults;
mod files;
mod hibernate;
mod highatomic;
mod holder;
mod holdouts;
mod hotplug;
mod hugetlb;
mod isolation;
mod kcore;
mod locks;
mod measure;
mod mixed;
mod module;
mod offline;
mod pages;
mod poison;
mod pressure;
mod readers;
mod record;
mod reporting;
mod request;
mod reserve;
mod run;
mod selftests;
mod showmem;
mod shuffle;
mod smoke;
mod soak;
mod storms;
mod totals;
mod vmalloc;
mod vmcore;
mod worker;

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::cmdline::Cmdline;
use crate::protocol;
use crate::Result;

/// Runs the scenario the command line names.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    let name = cmdline.scenario.as_str();
    protocol::metric("scenario", name);
    protocol::metric("seed", cmdline.seed);
    match name {
        "smoke" => smoke::run(),
        "run" => run::run(cmdline),
        "pressure" => pressure::run(cmdline),
        "compaction" => pressure::compaction::run(cmdline),
        "faults" => faults::run(),
        "files" => files::run(cmdline),
        "allmem" => allmem::run(),
        "hugetlb" => hugetlb::run(),
        "badinput" => badinput::run(),
        "readers" => readers::run(),
        "reporting" => reporting::run(),
        "holdouts" => holdouts::run(),
        "hotplug" => hotplug::run(),
        "hotzone" => hotplug::zone::run(cmdline),
        "virtiomem" => hotplug::virtio::run(),
        "kcore" => kcore::run(),
        "crash" => crash::run(),
        "vmcore" => vmcore::run(cmdline),
        "hibernate" => hibernate::run(),
        "module" => module::run(cmdline),
        "module-pace" => module::pace(),
        "module-run" => module::attach_and_run(cmdline),
        "module-busy" => module::beside_another(),
        "module-off" => module::switched_off(),
        "module-faults" => module::out_of_memory(),
        "mixed" => mixed::run(),
        "pages" => pages::run(),
        "selftests" => selftests::run(cmdline),
        "bench" => bench::run(cmdline),
        "locks" => locks::run(cmdline),
        "boost" => boost::run(),
        "btrfs" => btrfs::run(),
        "cma" => cma::run(cmdline),
        "cpuhotplug" => cpuhotplug::run(cmdline),
        "highatomic" => highatomic::run(),
        "isolation" => isolation::run(cmdline),
        "record" => record::run(cmdline),
        "reserve" => reserve::run(),
        "storms" => storms::run(cmdline),
        "soak" => soak::soak(cmdline),
        "shuffle" => shuffle::run(),
        "vmalloc" => vmalloc::run(),
        "worker" => worker::run(),
        "shell" => shell(),
        _ => Err(format!("no scenario is named {name}").into()),
    }
}

/// Becomes a shell; returns only if that fails.
fn shell() -> Result<()> {
    let error = Command::new("/bin/busybox").arg("sh").exec();
    Err(format!("/bin/busybox: {error}").into())
}
