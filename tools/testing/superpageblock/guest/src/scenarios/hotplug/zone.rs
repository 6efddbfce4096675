// SPDX-License-Identifier: GPL-2.0-only

//! Does the first memory of a zone, or of a whole node, work as any other?

use super::bench::Bench;
use super::bench::Direction;
use crate::cmdline::Cmdline;
use crate::protocol;
use crate::sys::memoryblocks::Use;
use crate::sys::zoneinfo;
use crate::Result;

/// Gives memory to node `spb.arg.node`: movable, then for the kernel, then both.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    let node = cmdline.number("node", 0);
    let mut bench = Bench::new()?;
    protocol::test("zones_are_empty", empty(node));
    let mut module = None;
    bench.step("first_movable_memory", |b| {
        module = Some(b.add(2048, node, Use::Movable, Direction::Up)?);
        Ok(())
    })?;
    bench.step("pages_of_movable_gigabytes", Bench::take_gigabytes)?;
    if let Some(module) = module.take() {
        bench.step("movable_memory_goes", |b| b.remove(&module))?;
        protocol::test("zones_are_empty_again", empty(node));
    }
    bench.step("first_kernel_memory", |b| {
        module = Some(b.add(1536, node, Use::Kernel, Direction::Down)?);
        Ok(())
    })?;
    bench.step("pages_of_kernel_gigabytes", Bench::take_gigabytes)?;
    let mut beside = None;
    bench.step("movable_memory_beside", |b| {
        beside = Some(b.add(1536, node, Use::Movable, Direction::Up)?);
        Ok(())
    })?;
    bench.step("pages_of_all_gigabytes", Bench::take_gigabytes)?;
    if let Some(beside) = beside {
        bench.step("movable_memory_beside_goes", |b| b.remove(&beside))?;
    }
    let kernel: Vec<_> = module.into_iter().collect();
    bench.step("kernel_memory_may_go", |b| b.remove_if_unused(&kernel))
}

/// Fails unless the zones that the test gives memory to have none.
fn empty(node: u64) -> Result<()> {
    let ours = ["Normal", "Movable"];
    let zones = zoneinfo::zones()?;
    let mut filled = zones.iter().filter(|z| z.node == node);
    match filled.find(|zone| ours.contains(&zone.name.as_str())) {
        None => Ok(()),
        Some(zone) => Err(format!("zone {} of node {node} has memory", zone.name).into()),
    }
}
