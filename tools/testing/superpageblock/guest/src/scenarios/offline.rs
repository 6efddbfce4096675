// SPDX-License-Identifier: GPL-2.0-only

//! Can memory be taken away and given back while the books stay right?

use std::path::Path;
use std::path::PathBuf;

use crate::drain;
use crate::pagemap::Walker;
use crate::protocol;
use crate::sys::files;
use crate::sys::memory;
use crate::sys::process;
use crate::verify;
use crate::Result;

/// Hotplug memory blocks tried before giving up: most hold something that cannot move.
const ATTEMPTS: usize = 16;

/// Seconds after which an offline request is given up.
const PATIENCE: u32 = 6;

const SOFT_OFFLINE: &str = "/sys/devices/system/memory/soft_offline_page";

/// Takes one memory block offline and online again, then one free page.
pub(crate) fn run(walker: &mut Walker) -> Result<()> {
    match drain::memory_blocks()
        .into_iter()
        .take(ATTEMPTS)
        .find(|b| go_offline(b))
    {
        Some(block) => cycle(&block),
        None => protocol::log("skipped: no memory block can go offline"),
    }
    soft_offline(walker)
}

/// Asks for a hotplug memory block; tells whether it was given.
///
/// The block may hold a page that never moves, and the kernel would try for ever. An alarm ends the process
/// that asks, and the kernel takes a fatal signal for "give up".
pub(super) fn go_offline(block: &Path) -> bool {
    go_offline_within(PATIENCE, block)
}

/// The same with another limit, in seconds.
pub(super) fn go_offline_within(seconds: u32, block: &Path) -> bool {
    let one_zone = files::read(block.join("valid_zones")).is_ok_and(|z| z.trim() != "none");
    if !one_zone {
        return false;
    }
    let _ = process::run("offline", || {
        // SAFETY: alarm has no memory preconditions; its signal ends this child only.
        unsafe { libc::alarm(seconds) };
        // Refusal is usual and not worth a message.
        let _ = files::write(block.join("state"), "offline");
        Ok(())
    });
    files::read(block.join("state")).is_ok_and(|state| state.trim() == "offline")
}

/// `block` is offline already.
fn cycle(block: &Path) {
    protocol::ok("memory_offline");
    verify::report("after_memory_offline");
    protocol::test("memory_online", files::write(block.join("state"), "online"));
    verify::report("after_memory_online");
}

/// Retires a free page of the highest memory block that has one.
fn soft_offline(walker: &mut Walker) -> Result<()> {
    if !Path::new(SOFT_OFFLINE).exists() {
        protocol::log("skipped: no soft_offline_page");
        return Ok(());
    }
    let Some(frame) = free_frame(walker, drain::memory_blocks())? else {
        protocol::log("skipped: no free page found to retire");
        return Ok(());
    };
    let address = frame * memory::page_bytes() as u64;
    let outcome = files::write(SOFT_OFFLINE, &format!("{address:#x}"));
    protocol::test("soft_offline_page", outcome);
    verify::report("after_soft_offline");
    Ok(())
}

fn free_frame(walker: &mut Walker, blocks: Vec<PathBuf>) -> Result<Option<u64>> {
    for block in blocks {
        let range = drain::frames(walker, &block)?;
        // The first free page of a block is likely the head of a large one: take one from inside.
        if let Some(frame) = walker.free_frames(range, 4)?.pop() {
            return Ok(Some(frame));
        }
    }
    Ok(None)
}
