// SPDX-License-Identifier: GPL-2.0-only

//! Is memory handed out in random order with `page_alloc.shuffle=1`, and in order without?
//!
//! The kernel shuffles free pages of the highest order. Pages that are faulted one after the other come
//! from the same of those until it is used up; the question is where the next one lies.

use super::offline;
use super::totals;
use crate::drain;
use crate::protocol;
use crate::sys::files;
use crate::sys::frames;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::stat::Counters;
use crate::verify;
use crate::Result;

const PARAMETER: &str = "/sys/module/page_alloc/parameters/shuffle";
/// Pages of the highest order, which are shuffled as a whole.
const CHUNK: u64 = 1 << 10;
/// Percentage of available memory looked at.
const SHARE: u64 = 40;
/// Steps in percent that lead elsewhere than to a neighbour: at least so many when shuffled, at most so
/// many when not.
const SHUFFLED: u64 = 30;
const ORDERED: u64 = 15;
/// Hotplug memory blocks tried before giving up.
const ATTEMPTS: usize = 16;

/// Looks at the order of memory after boot, and at the books after memory went and came.
pub(crate) fn run() -> Result<()> {
    let shuffled = files::read(PARAMETER)?.trim() == "Y";
    protocol::metric("shuffled", u8::from(shuffled));
    totals::report("at_start");
    protocol::test("order_of_memory", order(shuffled));
    verify::report("after_use");
    protocol::test("memory_goes_and_comes", cycle());
    totals::report("at_end");
    Ok(())
}

fn order(shuffled: bool) -> Result<()> {
    let page = memory::page_bytes();
    let bytes = Counters::meminfo()?.get("MemAvailable") * 1024 / 100 * SHARE;
    let area = Mapping::new(bytes as usize / page * page, 0)?;
    area.advise(0, area.len(), libc::MADV_NOHUGEPAGE);
    (0..area.len()).step_by(page).for_each(|at| area.touch(at));
    let (jumps, steps) = jumps(&frames::frames(&area)?);
    let percent = jumps * 100 / steps.max(1);
    protocol::metric("jumps_percent", percent);
    protocol::log(format_args!("{jumps} of {steps} steps lead elsewhere"));
    match shuffled {
        true if percent < SHUFFLED => Err(format!("{percent} % jumps: not shuffled").into()),
        false if percent > ORDERED => Err(format!("{percent} % jumps: not in order").into()),
        _ => Ok(()),
    }
}

/// Steps from one chunk to another: those that do not lead to a neighbour, and all.
fn jumps(frames: &[u64]) -> (u64, u64) {
    let mut chunks: Vec<u64> = frames.iter().map(|frame| frame / CHUNK).collect();
    chunks.dedup();
    let far = |pair: &&[u64]| pair[0].abs_diff(pair[1]) > 1;
    let steps = chunks.windows(2);
    (
        steps.clone().filter(far).count() as u64,
        steps.count() as u64,
    )
}

/// Memory that comes online is shuffled together with all other memory of its zone.
fn cycle() -> Result<()> {
    let blocks = drain::memory_blocks().into_iter().take(ATTEMPTS);
    let mut gone = blocks.filter(|block| offline::go_offline(block));
    let block = gone.next().ok_or("no memory block can go offline")?;
    files::write(block.join("state"), "online")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_either_direction_are_no_jump() {
        let frames = [
            0,
            1,
            CHUNK,
            CHUNK + 1,
            2 * CHUNK,
            CHUNK,
            9 * CHUNK,
            9 * CHUNK + 5,
        ];
        assert_eq!(jumps(&frames), (1, 4));
        assert_eq!(jumps(&[]), (0, 0));
    }
}
