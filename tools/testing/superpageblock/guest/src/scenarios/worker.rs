// SPDX-License-Identifier: GPL-2.0-only

//! What does the policy's worker take of a machine in which little happens?
//!
//! Little if there is no memory to move pages to, and nothing if there is nothing to do. What it takes under
//! load is seen in [`super::soak`].

use std::thread;
use std::time::Duration;

use super::run::ROOM;
use crate::filler::Filler;
use crate::gigabytes;
use crate::kworkers::Share;
use crate::protocol;
use crate::sys::files;
use crate::sys::process;
use crate::sys::stat::Counters;
use crate::verify;
use crate::workload::pipes::Pipes;
use crate::Result;

const SETTINGS: [(&str, &str); 2] = [
    // Less than what is left in the end; the kernel sets watermarks high in a small machine.
    ("/proc/sys/vm/min_free_kbytes", "2048"),
    ("/proc/sys/vm/watermark_boost_factor", "0"),
];
/// More than the worker's rest after it got nowhere, and times that it is given to have no pass within that.
const SETTLE: Duration = Duration::from_secs(8);
const SETTLES: u32 = 8;
const LOOK: Duration = Duration::from_secs(30);
/// Memory that movable pages leave, in kilobytes, and what kernel memory leaves of that.
const MOVABLE_LEAVES_KB: u64 = 96 << 10;
const KERNEL_LEAVES_KB: u64 = 20 << 10;
const OPEN_FILES: u64 = 1 << 16;

/// Looks on in full memory, then while there is nothing to do.
pub(crate) fn run() -> Result<()> {
    process::allow_files(OPEN_FILES);
    for (setting, value) in SETTINGS {
        files::write(setting, value)?;
    }
    // A process of its own: the kernel panics rather than kill PID 1.
    let outcome = process::run("full", no_memory_to_move_to);
    protocol::test("a_worker_without_memory_takes_little", outcome);
    // All that it held is free.
    settle();
    protocol::test("no_worker_without_work", nothing_to_do());
    verify::report("end");
    protocol::ok("scenario");
    Ok(())
}

fn no_memory_to_move_to() -> Result<()> {
    let mut filler = Filler::default();
    filler.fill(MOVABLE_LEAVES_KB, u64::MAX)?;
    let mut pipes = Pipes::default();
    while Counters::meminfo()?.get("MemFree") > KERNEL_LEAVES_KB {
        pipes.grow_large()?;
    }
    let passes = passes_within("share_full")?;
    protocol::metric("passes_full", passes);
    let tainted = gigabytes::list()?.iter().filter(|g| g.tainted()).count();
    protocol::metric("tainted_full", tainted);
    match passes {
        0 => Err("the worker did not look for memory: this shows nothing".into()),
        _ => Ok(()),
    }
}

fn nothing_to_do() -> Result<()> {
    match passes_within("share_idle")? {
        0 => Ok(()),
        passes => Err(format!("{passes} passes, though there is nothing to do").into()),
    }
}

/// Waits until the worker has made up for what was, as far as that is to end.
fn settle() {
    for _ in 0..SETTLES {
        let before = passes();
        thread::sleep(SETTLE);
        if passes() == before {
            break;
        }
    }
}

/// Passes that the worker has begun.
fn passes() -> u64 {
    Counters::file(ROOM).get("passes")
}

/// Passes that the worker begins within some time; reports its share of the machine as `name`.
fn passes_within(name: &str) -> Result<u64> {
    let (before, share) = (passes(), Share::start()?);
    thread::sleep(LOOK);
    share.report(name)?;
    Ok(passes() - before)
}
