// SPDX-License-Identifier: GPL-2.0-only

//! Do CPUs that go and come while memory is in motion leave all of it behind?

use std::path::Path;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::churn::Churn;
use super::totals;
use crate::cmdline::Cmdline;
use crate::protocol;
use crate::sys::cpu;
use crate::sys::files;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::process;
use crate::sys::zoneinfo;
use crate::verify;
use crate::Result;

const DIR: &str = "/sys/devices/system/cpu";
/// How long CPUs go and come.
const TIME: Duration = Duration::from_secs(20);
/// How long the others work before the next change.
const PAUSE: Duration = Duration::from_millis(150);
/// Times each CPU must have gone at least.
const LEAST: u32 = 5;
/// How long per-CPU lists may get: a part of memory of which the CPUs share one.
const LIST_FRACTION: &str = "/proc/sys/vm/percpu_pagelist_high_fraction";
const LONG_LISTS: u64 = 16;
/// Bytes that pass through the lists of one CPU.
const USED_BYTES: usize = 256 << 20;
/// Pages on them afterwards, at least.
const LEAST_PAGES: u64 = 1024;
/// Percentage of available memory that churns meanwhile.
const CHURN: u64 = 60;
/// Kilobytes that may stay away: slab of the processes that ran, and per-CPU lists.
const TOLERANCE_KB: u64 = 24 << 10;

/// Switches CPUs off and on under load, then compares what is free with what was.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    let switches = switches();
    if switches.is_empty() {
        return Err("no CPU can be switched off: give the guest two or more".into());
    }
    totals::report("at_start");
    let free = totals::free_kb()?;
    let churn = Churn::start(cmdline.seed, CHURN)?;
    protocol::test("cpus_go_and_come", go_and_come(&switches));
    verify::report("in_churn");
    drop(churn);
    protocol::test("a_cpu_leaves_nothing_behind", leaves_nothing(&switches[0]));
    protocol::test("all_free_again", totals::came_back(free, TOLERANCE_KB));
    totals::report("at_end");
    Ok(())
}

/// The `online` files of the CPUs that have one.
fn switches() -> Vec<PathBuf> {
    let files = files::entries(DIR)
        .into_iter()
        .map(|cpu| cpu.join("online"));
    files
        .filter(|file| number(file).is_some() && file.exists())
        .collect()
}

/// The number of the CPU that `…/cpuN/online` switches.
fn number(switch: &Path) -> Option<usize> {
    let name = switch.parent()?.file_name()?.to_str()?;
    name.strip_prefix("cpu")?.parse().ok()
}

fn go_and_come(switches: &[PathBuf]) -> Result<()> {
    let start = Instant::now();
    let mut rounds = 0;
    while rounds < LEAST || start.elapsed() < TIME {
        for switch in switches {
            files::write(switch, "0")?;
            thread::sleep(PAUSE);
            files::write(switch, "1")?;
            thread::sleep(PAUSE);
        }
        rounds += 1;
    }
    protocol::metric("cpu_rounds", rounds);
    Ok(())
}

/// Fills the lists of one CPU and switches it off: what is on them must go to the free lists.
fn leaves_nothing(switch: &Path) -> Result<()> {
    let cpu = number(switch).ok_or("a CPU without number")?;
    files::write(LIST_FRACTION, &LONG_LISTS.to_string())?;
    process::run("filling per-CPU lists", || use_memory(cpu))?;
    let before = Pages::now()?;
    files::write(switch, "0")?;
    let after = Pages::now()?;
    verify::report("with_a_cpu_off");
    files::write(switch, "1")?;
    files::write(LIST_FRACTION, "0")?;
    protocol::log(format_args!("with the CPU {before:?}, without {after:?}"));
    let gone = before.per_cpu.saturating_sub(after.per_cpu);
    let come = after.free.saturating_sub(before.free);
    if gone < LEAST_PAGES || come < gone * 9 / 10 {
        return Err(format!("{gone} pages left per-CPU lists, {come} came to free lists").into());
    }
    Ok(())
}

/// Where free pages are.
#[derive(Debug)]
struct Pages {
    free: u64,
    per_cpu: u64,
}

impl Pages {
    fn now() -> Result<Self> {
        let zones = zoneinfo::zones()?;
        Ok(Self {
            free: zones.iter().map(|zone| zone.free).sum(),
            per_cpu: zones.iter().map(|zone| zone.per_cpu).sum(),
        })
    }
}

/// Takes memory and gives it back, on this CPU only.
fn use_memory(cpu: usize) -> Result<()> {
    cpu::stay_on(cpu)?;
    let area = Mapping::new(USED_BYTES, 0)?;
    area.advise(0, area.len(), libc::MADV_NOHUGEPAGE);
    for at in (0..area.len()).step_by(memory::page_bytes()) {
        area.touch(at);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_directories_are_cpus() {
        let number = |path| number(Path::new(path));
        assert_eq!(number("/sys/devices/system/cpu/cpu12/online"), Some(12));
        assert_eq!(number("/sys/devices/system/cpu/cpuidle/online"), None);
        assert_eq!(number("/sys/devices/system/cpu/online"), None);
    }
}
