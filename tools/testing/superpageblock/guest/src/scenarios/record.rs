// SPDX-License-Identifier: GPL-2.0-only

//! Which pages do ordinary programs ask for and give back?
//!
//! The first disk is the root of a Debian system, the others take the recording, one for each processor. The
//! events have to be switched on from boot, with one clock for all processors:
//! `trace_event=kmem:mm_page_alloc,kmem:mm_page_free trace_buf_size=32M trace_clock=global`.

mod tape;

use std::ffi::CString;
use std::fs;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use tape::Tape;

use crate::cmdline::Cmdline;
use crate::protocol;
use crate::sys::files;
use crate::sys::memory;
use crate::sys::mounts;
use crate::sys::mounts::DISK;
use crate::sys::process;
use crate::Result;

/// Where compaction moves pages to, no event tells: there is to be none without need.
const LESS_COMPACTION: [(&str, &str); 3] = [
    ("/proc/sys/vm/compaction_proactiveness", "0"),
    ("/sys/kernel/mm/transparent_hugepage/defrag", "never"),
    ("/sys/kernel/mm/transparent_hugepage/khugepaged/defrag", "0"),
];
/// Where the image keeps what is to be run.
const WORKLOADS: &str = "/workloads";

/// Runs `spb.arg.workload` for `spb.arg.seconds` at most, and writes down all allocations since boot.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    for (setting, value) in LESS_COMPACTION {
        files::write(setting, value)?;
    }
    let tracing = mounts::mount_tracing()?;
    let tapes: Vec<Tape> = (0..memory::processors())
        .map(|cpu| Tape::start(tracing, cpu))
        .collect::<Result<_>>()?;

    mounts::require_disk("ext4")?;
    mounts::mount_pseudo_below(DISK)?;
    let (workload, seconds) = (cmdline.text("workload", ""), cmdline.number("seconds", 180));
    let outcome = process::run("workload", || perform(workload, seconds));
    protocol::test("workload", outcome);

    files::write(format!("{tracing}/tracing_on"), "0")?;
    tape::stop()?;
    for tape in tapes {
        protocol::test(&format!("tape_{}", tape.cpu()), tape.finish(tracing));
    }
    Ok(())
}

/// In a child: the root of its file system changes.
fn perform(workload: &str, seconds: u64) -> Result<()> {
    let root = CString::new(DISK)?;
    // SAFETY: the string is NUL-terminated and lives until the call returns.
    if unsafe { libc::chroot(root.as_ptr()) } != 0 {
        return Err(format!("chroot {DISK}: {}", io::Error::last_os_error()).into());
    }
    let output =
        File::create("/var/log/workload").map_err(|e| format!("log of the workload: {e}"))?;
    let status = Command::new("/usr/bin/timeout")
        .args(["--kill-after=5", &seconds.to_string(), "/bin/sh", "-e"])
        .arg(format!("{WORKLOADS}/{workload}.sh"))
        .current_dir("/")
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/root")
        .env("LC_ALL", "C")
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0)
        .status()
        .map_err(|e| format!("timeout: {e}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{status}: {}", last_words()).into()),
    }
}

/// The end of what the workload printed.
fn last_words() -> String {
    let text = fs::read("/var/log/workload").unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("; ")
}
