// SPDX-License-Identifier: GPL-2.0-only

//! What if memory runs out at any point of attaching?
//!
//! The kernel makes the N-th allocation of this task fail, for N from 1 until insmod needs fewer. Only those
//! made from the module's initialisation count, not those of the module loader.

use std::io;

use super::balance::Balance;
use super::state;
use crate::protocol;
use crate::sys::files;
use crate::sys::module;
use crate::verify;
use crate::Result;

const FAIL_NTH: &str = "/proc/self/fail-nth";
/// The function that calls a module's initialisation.
const CALLER: &str = "do_one_initcall";
/// More allocations than attaching can need.
const MOST: u64 = 5_000;
/// Pages that all attempts together may cost: slab of the loader.
const SLACK: u64 = 512;

/// Settings of the two kinds of allocations that can be made to fail.
const SETTINGS: [(&str, &[(&str, &str)]); 2] = [
    ("failslab", &[("verbose", "0"), ("ignore-gfp-wait", "N")]),
    (
        "fail_page_alloc",
        &[
            ("verbose", "0"),
            ("ignore-gfp-wait", "N"),
            ("ignore-gfp-highmem", "N"),
            ("min-order", "0"),
        ],
    ),
];

/// How an insmod with an allocation that fails ended.
enum Attempt {
    /// As clean as it must: not attached, or attached without that memory.
    Clean { failed: bool },
    /// It needs fewer allocations.
    NoneLeft,
}

/// Lets each allocation of attaching fail once.
pub(super) fn run() -> Result<()> {
    let (start, end) = extent(&files::read("/proc/kallsyms")?, CALLER)
        .ok_or_else(|| format!("no {CALLER} in /proc/kallsyms"))?;
    for (kind, settings) in SETTINGS {
        for (name, value) in settings {
            files::write(format!("/sys/kernel/debug/{kind}/{name}"), value)?;
        }
        restrict(kind, start, end)?;
    }
    // What is allocated once and kept shall not count as lost.
    state::attach("")?;
    state::detach()?;
    let before = Balance::at_rest()?;
    protocol::test("no_memory_to_attach", every_allocation());
    let after = Balance::at_rest()?;
    protocol::test(
        "failures_cost_nothing",
        before.compare(after, "faults", SLACK, SLACK),
    );
    verify::report("after_failures");
    Ok(())
}

/// Only allocations with a caller in `start..end` count.
fn restrict(kind: &str, start: u64, end: u64) -> Result<()> {
    for (name, value) in [("require-start", start), ("require-end", end)] {
        let path = format!("/sys/kernel/debug/{kind}/{name}");
        files::write(path, &format!("{value:#x}"))?;
    }
    Ok(())
}

fn every_allocation() -> Result<()> {
    let (mut failed, mut survived) = (0_u64, 0_u64);
    for nth in 1..=MOST {
        let attempt = attempt(nth).map_err(|e| format!("allocation {nth}: {e}"))?;
        match attempt {
            Attempt::Clean { failed: true } => failed += 1,
            Attempt::Clean { failed: false } => survived += 1,
            Attempt::NoneLeft => {
                protocol::metric("allocations_failed", nth - 1);
                protocol::metric("attach_refused", failed);
                protocol::metric("attach_succeeded", survived);
                return refusals_seen(failed);
            }
        }
    }
    Err(format!("attaching made more than {MOST} allocations").into())
}

/// Without a single refusal the failures went somewhere else.
fn refusals_seen(failed: u64) -> Result<()> {
    match failed {
        0 => Err("no failed allocation kept the module from attaching".into()),
        _ => Ok(()),
    }
}

/// Loads the module while allocation `nth` fails, checks, and removes it again.
fn attempt(nth: u64) -> Result<Attempt> {
    files::write(FAIL_NTH, &nth.to_string())?;
    let outcome = module::load(state::FILE, "");
    let left = files::read_number(FAIL_NTH);
    files::write(FAIL_NTH, "0")?;
    let injected = left? == 0;
    settle(&outcome)?;
    verify::check()?;
    match injected {
        true => Ok(Attempt::Clean {
            failed: outcome.is_err(),
        }),
        false => {
            outcome.map_err(|e| format!("insmod with no failure left: {e}"))?;
            Ok(Attempt::NoneLeft)
        }
    }
}

/// A refusal must leave nothing behind and say that memory is short; a success must be a whole one.
fn settle(outcome: &io::Result<()>) -> Result<()> {
    match outcome {
        Ok(()) => {
            state::expect_attached()?;
            state::detach()
        }
        Err(error) if error.raw_os_error() != Some(libc::ENOMEM) => {
            Err(format!("insmod: {error}, expected: not enough memory").into())
        }
        Err(_) if state::loaded() => Err("refused, but loaded".into()),
        Err(_) => state::expect_detached(),
    }
}

/// First address of the function `name`, and of what follows it.
fn extent(kallsyms: &str, name: &str) -> Option<(u64, u64)> {
    let symbol = |line: &str| {
        let mut words = line.split_whitespace();
        let address = u64::from_str_radix(words.next()?, 16).ok()?;
        Some((address, words.nth(1)?.to_string()))
    };
    let symbols: Vec<(u64, String)> = kallsyms.lines().filter_map(symbol).collect();
    let start = symbols.iter().find(|(_, found)| found == name)?.0;
    let above = symbols.iter().map(|(address, _)| *address);
    Some((start, above.filter(|address| *address > start).min()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_ends_where_the_next_one_starts() {
        let text = "ffffffff81000300 T after\nffffffff81000100 T start\nffffffff81000100 t alias\n\
                    ffffffff81000050 t before\n";
        assert_eq!(
            extent(text, "start"),
            Some((0xffff_ffff_8100_0100, 0xffff_ffff_8100_0300))
        );
        assert_eq!(extent(text, "none"), None);
    }
}
