// SPDX-License-Identifier: GPL-2.0-only

//! Can the policy come to a running machine and go again, as often as one likes?
//!
//! - [`state`]: whether it is attached, and whether that shows everywhere;
//! - [`refused`]: what insmod must refuse;
//! - [`cycles`]: insmod and rmmod, idle and under churn;
//! - [`balance`]: whether all pages are there afterwards;
//! - [`faults`]: memory that runs out while it attaches.

mod balance;
mod cycles;
mod faults;
mod refused;
mod state;

use super::readers;
use super::run as churn;
use crate::cmdline::Cmdline;
use crate::protocol;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::stat::Counters;
use crate::verify;
use crate::Result;

/// Share of memory touched to see that it works, as a divisor.
const TOUCHED: usize = 4;

/// Everything on a kernel whose policy is a module and not loaded yet.
///
/// `spb.arg.cycles` is the number of insmod and rmmod under churn.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    let total = Counters::meminfo()?.get("MemTotal");
    protocol::metric("memtotal_kb", total);
    protocol::test("detached_at_start", state::expect_detached());
    verify::report("at_start");
    protocol::test("memory_works_detached", touch(total));
    refused::everything();
    cycles::idle()?;
    cycles::under_churn(cmdline, total)?;
    readers::run()?;
    protocol::test("memory_works_after_all", touch(total));
    Ok(())
}

/// Compares the longest step of attaching with stock's longest.
pub(crate) fn pace() -> Result<()> {
    protocol::test("steps_are_no_longer_than_stock", cycles::pace());
    Ok(())
}

/// Loads the module, then does what the scenario `run` does.
pub(crate) fn attach_and_run(cmdline: &Cmdline) -> Result<()> {
    protocol::test("attach", state::attach(""));
    verify::report("after_attach");
    churn::run(cmdline)?;
    protocol::test("detach", state::detach());
    Ok(())
}

/// On a kernel with a policy built in: the module is refused, and nothing changes.
pub(crate) fn beside_another() -> Result<()> {
    protocol::test("attached_at_start", state::expect_attached());
    refused::busy();
    readers::run()
}

/// With superpageblock=off: the module is refused, and nothing changes.
pub(crate) fn switched_off() -> Result<()> {
    protocol::test("detached_at_start", state::expect_detached());
    refused::off();
    readers::run()
}

/// On a kernel that can make allocations fail: none of those made while attaching may matter.
pub(crate) fn out_of_memory() -> Result<()> {
    protocol::test("detached_at_start", state::expect_detached());
    faults::run()?;
    readers::run()
}

/// Uses a part of memory and gives it back.
fn touch(total_kb: u64) -> Result<()> {
    let page = memory::page_bytes();
    let area = Mapping::new(total_kb as usize * 1024 / TOUCHED / page * page, 0)?;
    (0..area.len()).step_by(page).for_each(|at| area.touch(at));
    let last = area.len() - page;
    match area.peek(last) == last as u64 {
        true => Ok(()),
        false => Err("memory does not hold what was written".into()),
    }
}
