// SPDX-License-Identifier: GPL-2.0-only

//! What do allocating and freeing cost, on fresh memory and after it was fragmented?
//!
//! - [`rows`]: operations of the allocator alone, measured by a kernel module;
//! - [`paths`]: what programs do that needs memory, measured from here;
//! - [`mark`]: what tells a machine that watches which row runs.
//!
//! Figures of record come from a machine that counts instructions (QEMU's `-icount shift=0,sleep=off`). Each is a
//! line `bench.STATE.CLASS.ROW.OPERATION=OPERATIONS REPETITIONS LEAST TOTAL`: operations in a repetition, ticks of the cheapest
//! repetition and of all.

mod mark;
mod paths;
mod rows;

use std::path::Path;

use super::run as churn;
use crate::cmdline::Cmdline;
use crate::protocol;
use crate::sys::mounts;
use crate::sys::stat::Counters;
use crate::workload::crew::Crew;
use crate::workload::plan::Plan;
use crate::Result;

/// What one kind of operation cost.
struct Cost {
    /// Name of the operation.
    operation: &'static str,
    /// Operations in a repetition.
    operations: u64,
    /// Ticks of each repetition.
    ticks: Vec<u64>,
}

impl Cost {
    fn new(operation: &'static str, operations: u64) -> Self {
        Self {
            operation,
            operations,
            ticks: Vec::new(),
        }
    }

    fn report(&self, row: &str) {
        let least = self.ticks.iter().min().copied().unwrap_or_default();
        let total: u64 = self.ticks.iter().sum();
        let (operations, repetitions) = (self.operations, self.ticks.len());
        protocol::metric(
            &format!("bench.{row}.{}", self.operation),
            format_args!("{operations} {repetitions} {least} {total}"),
        );
    }
}

/// Measures everything, fragments memory, and measures everything again; with `spb.arg.fresh`, only the first.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    let total_kb = Counters::meminfo()?.get("MemTotal");
    protocol::metric("memtotal_kb", total_kb);
    rows::insert()?;
    measure("fresh");
    if cmdline.number("fresh", 0) == 0 {
        measure_fragmented(cmdline, total_kb)?;
    }
    protocol::test("bench_module_goes", rows::remove());
    Ok(())
}

fn measure_fragmented(cmdline: &Cmdline, total_kb: u64) -> Result<()> {
    let plan = Plan::new(cmdline, total_kb);
    let mut crew = Crew::start(plan, Path::new(mounts::RAM))?;
    churn::fragment(&mut crew, plan)?;
    measure("fragmented");
    Ok(())
}

/// What a row of either kind cannot do fails as a case; the others go on.
fn measure(state: &str) {
    paths::measure(state);
    rows::measure(state);
}
