// SPDX-License-Identifier: GPL-2.0-only

//! Is memory taken away and given back, page by page and block by block, while processes use it?

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::churn::Churn;
use super::offline;
use super::poison;
use super::totals;
use crate::cmdline::Cmdline;
use crate::drain;
use crate::hugepages::Size;
use crate::pagemap::Walker;
use crate::protocol;
use crate::rng::Rng;
use crate::sys::files;
use crate::sys::stat::Counters;
use crate::verify;
use crate::Result;

/// Times that everything is done.
const ROUNDS: u32 = 5;
/// Percentage of available memory that churns meanwhile.
const CHURN: u64 = 35;
/// Hotplug memory blocks taken offline together.
const TOGETHER: usize = 4;
/// Hotplug memory blocks tried in one round: many hold something that cannot move.
const ATTEMPTS: usize = 12;
/// Time between two rounds.
const PAUSE: Duration = Duration::from_millis(1500);
/// 1 GB and 2 MB pages asked for in one round.
const GIGA: u64 = 1;
const HUGE: u64 = 128;
/// Kilobytes that may stay away: slab of the processes that ran, and per-CPU lists.
const TOLERANCE_KB: u64 = 24 << 10;

/// Isolates memory in every way there is, under load and at rest.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    let mut walker = Walker::new()?;
    let mut rng = Rng::new(cmdline.seed, 0);
    totals::report("at_start");
    let free = totals::free_kb()?;
    let mut cycled = 0;
    let churn = Churn::start(cmdline.seed, CHURN)?;
    for round in 1..=ROUNDS {
        // Lets the others get ahead.
        thread::sleep(PAUSE);
        let (blocks, online) = offline_and_online(&mut rng);
        cycled += blocks;
        protocol::test(&format!("memory_online_{round}"), online);
        verify::report(&format!("after_memory_blocks_{round}"));
        protocol::test(&format!("hugetlb_{round}"), huge_pages());
        verify::report(&format!("after_hugetlb_{round}"));
        protocol::test(&format!("used_pages_retire_{round}"), poison::soft());
        protocol::test(&format!("used_pages_fail_{round}"), poison::hard());
        verify::report(&format!("after_poison_{round}"));
    }
    drop(churn);
    protocol::metric("memory_blocks_cycled", cycled);
    protocol::test("memory_goes_offline", some_cycled(cycled));
    protocol::test("free_pages_retire", poison::free_pages(&mut walker));
    offline::run(&mut walker)?;
    poison::restore_all(&mut walker)?;
    protocol::test("no_page_is_retired", none_retired());
    protocol::test("all_free_again", totals::came_back(free, TOLERANCE_KB));
    totals::report("at_end");
    Ok(())
}

/// Takes some blocks offline at random, then all of them online again.
fn offline_and_online(rng: &mut Rng) -> (usize, Result<()>) {
    let mut blocks = drain::memory_blocks();
    let mut offline = Vec::new();
    for _ in 0..ATTEMPTS {
        if offline.len() == TOGETHER || blocks.is_empty() {
            break;
        }
        let block = blocks.swap_remove(rng.index(blocks.len()));
        if offline::go_offline(&block) {
            offline.push(block);
        }
    }
    verify::report("with_memory_offline");
    let online = |block: &PathBuf| files::write(block.join("state"), "online");
    (offline.len(), offline.iter().try_for_each(online))
}

/// Takes huge pages of both sizes and gives them back; how many there are is not the question here.
fn huge_pages() -> Result<()> {
    for (size, count) in [(Size::Giga, GIGA), (Size::TwoMega, HUGE)] {
        if !size.exists() {
            protocol::log(format_args!("skipped: no {size:?} pages"));
            continue;
        }
        let got = size.request(count)?;
        protocol::log(format_args!(
            "{size:?}: {} of {count} in {:.2} s",
            got.obtained, got.seconds
        ));
        let left = size.request(0)?.obtained;
        if left > 0 {
            return Err(format!("{left} {size:?} pages were not given back").into());
        }
    }
    Ok(())
}

fn some_cycled(blocks: usize) -> Result<()> {
    match blocks {
        0 => Err("no memory block went offline in any round".into()),
        _ => Ok(()),
    }
}

fn none_retired() -> Result<()> {
    match Counters::meminfo()?.get("HardwareCorrupted") {
        0 => Ok(()),
        kilobytes => Err(format!("{kilobytes} kB count as corrupted").into()),
    }
}
