// SPDX-License-Identifier: GPL-2.0-only

//! Does the watermark rise when kernel memory breaks into movable memory, unless that is turned off?

use std::io::Write;
use std::os::unix::net::UnixStream;

use crate::protocol;
use crate::sys::files;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::process;
use crate::sys::stat::Counters;
use crate::verify;
use crate::Result;

const FACTOR: &str = "/proc/sys/vm/watermark_boost_factor";
/// Memory that is left alone, in MB: far above all watermarks.
const LEFT_MB: u64 = 400;
/// Kernel memory that is put into the holes, in MB: more than gigabytes that hold some already have room for.
const KERNEL_MB: u64 = 1300;
/// Times that kernel memory grows at most until something is boosted: beside two other guests one in two is missed.
const GROWTHS: u32 = 24;
/// Bytes that wait in a socket: less than it takes before it blocks.
const SOCKET_BYTES: usize = 64 << 10;

/// Once with boosting off, then with the factor as it is by default: a boost may last.
pub(crate) fn run() -> Result<()> {
    process::allow_files(4 * KERNEL_MB * (1 << 20) / SOCKET_BYTES as u64);
    let usual = files::read_number(FACTOR)?;
    files::write(FACTOR, "0")?;
    protocol::test(
        "growth_does_not_boost_when_off",
        process::run("growth", || expect(|boost| boost == 0)),
    );
    verify::report("after_no_boost");
    files::write(FACTOR, &usual.to_string())?;
    protocol::test("growth_boosts", grows_until_boosted());
    verify::report("after_boost");
    Ok(())
}

/// Nothing is boosted where pageblocks are emptied before kernel memory has to break into others, nor seen where kswapd
/// was faster.
fn grows_until_boosted() -> Result<()> {
    let once = || process::run("growth", || expect(|boost| boost > 0));
    (1..GROWTHS).fold(once(), |result, _| result.or_else(|_| once()))
}

/// Frees every other page of movable memory, lets kernel memory grow into it, and judges the highest boost seen.
fn expect(judge: impl Fn(u64) -> bool) -> Result<()> {
    let area = movable()?;
    perforate(&area);
    let most = grow()?;
    match judge(most) {
        true => Ok(()),
        false => Err(format!("the highest boost was {most} pages").into()),
    }
}

/// Nearly all memory in small pages.
fn movable() -> Result<Mapping> {
    let free = Counters::meminfo()?.get("MemAvailable") >> 10;
    let bytes = (free.saturating_sub(LEFT_MB) << 20) as usize;
    let area = Mapping::new(bytes, 0)?;
    area.advise(0, bytes, libc::MADV_NOHUGEPAGE);
    (0..bytes)
        .step_by(memory::page_bytes())
        .for_each(|at| area.touch(at));
    Ok(area)
}

fn perforate(area: &Mapping) {
    let page = memory::page_bytes();
    (0..area.len())
        .step_by(2 * page)
        .for_each(|at| area.advise(at, page, libc::MADV_DONTNEED));
}

/// Fills sockets; returns the highest boost on the way.
fn grow() -> Result<u64> {
    let content = [1; SOCKET_BYTES];
    let (mut most, mut sockets) = (0, Vec::new());
    for round in 0..(KERNEL_MB << 20) / SOCKET_BYTES as u64 {
        let (reader, mut writer) = UnixStream::pair()?;
        writer.write_all(&content)?;
        sockets.push((reader, writer));
        if round % 4 == 0 {
            most = most.max(boost()?);
        }
    }
    Ok(most)
}

/// Pages by which the watermarks of all zones are raised.
fn boost() -> Result<u64> {
    let text = files::read("/proc/zoneinfo")?;
    let values = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("boost"));
    Ok(values
        .filter_map(|value| value.trim().parse::<u64>().ok())
        .sum())
}
