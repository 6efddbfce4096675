// SPDX-License-Identifier: GPL-2.0-only

//! What does every step with added memory do, and what is checked after it?

use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::giga;
use crate::books;
use crate::host;
use crate::host::Module;
use crate::protocol;
use crate::sys::memory;
use crate::sys::memoryblocks;
use crate::sys::memoryblocks::MemoryBlock;
use crate::sys::memoryblocks::Use;
use crate::sys::ram;
use crate::sys::ram::Range;
use crate::sys::stat::Counters;
use crate::verify;
use crate::Result;

/// Longest time in which the kernel follows virtio-mem.
const PATIENCE: Duration = Duration::from_secs(120);
/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// In which order the parts of a module go online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Lowest address first.
    Up,
    /// Highest address first.
    Down,
}

/// The machine as it was at the start.
pub(super) struct Bench {
    /// First page frame that may be added memory.
    floor: u64,
    /// Kilobytes.
    total: u64,
}

impl Bench {
    /// Looks at the machine; added memory stays offline until it is told otherwise.
    pub(super) fn new() -> Result<Self> {
        memoryblocks::auto_online(None)?;
        let memory = ram::ranges(memory::page_bytes() as u64)?;
        let end = memory.iter().map(|range| range.end).max().unwrap_or(0);
        let bench = Self {
            floor: end.next_multiple_of(books::pages_per_gigabyte()),
            total: Counters::meminfo()?.get("MemTotal"),
        };
        protocol::metric("memtotal_kb", bench.total);
        bench.check("at_start");
        Ok(bench)
    }

    /// Does one step and checks the books; an error if the step itself failed.
    pub(super) fn step(
        &mut self,
        name: &str,
        body: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let outcome = body(self);
        let failed = outcome.is_err();
        protocol::test(name, outcome);
        self.check(&format!("after_{name}"));
        if failed {
            return Err(format!("nothing was done after {name}").into());
        }
        Ok(())
    }

    /// Compares what the kernel knows about its memory with what is online.
    pub(super) fn check(&self, moment: &str) {
        verify::report(moment);
        protocol::test(&format!("total_{moment}"), self.total_is_right());
        if verify::patched() {
            protocol::test(&format!("gigabytes_{moment}"), books::check(self.floor));
        }
    }

    /// Plugs a module in and puts it online.
    pub(super) fn add(
        &mut self,
        mib: u64,
        node: u64,
        as_what: Use,
        direction: Direction,
    ) -> Result<Module> {
        let module = host::plug(mib, node)?;
        protocol::log(format_args!(
            "{}: {mib} MB at {:#x}",
            module.id, module.address
        ));
        let mut blocks = memoryblocks::await_arrival(frames(&module))?;
        if direction == Direction::Down {
            blocks.reverse();
        }
        blocks.iter().try_for_each(|block| block.online(as_what))?;
        Ok(module)
    }

    /// Takes a module offline and has it pulled out.
    pub(super) fn remove(&mut self, module: &Module) -> Result<()> {
        let blocks = memoryblocks::within(frames(module))?;
        blocks.iter().try_for_each(MemoryBlock::offline)?;
        host::unplug(module)?;
        if memoryblocks::within(frames(module))?.is_empty() {
            Ok(())
        } else {
            Err(format!("{} is still in sysfs", module.id).into())
        }
    }

    /// Removes the modules that hold nothing that the kernel cannot move.
    pub(super) fn remove_if_unused(&mut self, modules: &[Module]) -> Result<()> {
        for module in modules {
            let gone = self.remove(module);
            let word = if gone.is_ok() { "gone" } else { "kept" };
            protocol::metric(&module.id, word);
            if let Err(error) = gone {
                protocol::log(format_args!("{} stays: {error}", module.id));
            }
        }
        Ok(())
    }

    /// Takes every complete gigabyte of added memory as a 1 GB page, and gives it back.
    ///
    /// A stock kernel may have put anything into memory that it got for the kernel.
    pub(super) fn take_gigabytes(&mut self) -> Result<()> {
        let mut wanted = books::online(self.floor)?;
        if !verify::patched() {
            wanted.retain(|(_, zone, _), _| zone == "Movable");
            if wanted.is_empty() {
                return Ok(());
            }
        }
        giga::take(&books::complete(&wanted))
    }

    /// The complete gigabytes of added memory in a zone.
    pub(super) fn gigabytes_of(&self, zone: &str) -> Result<Vec<Range>> {
        let mut online = books::online(self.floor)?;
        online.retain(|(_, found, _), _| found == zone);
        Ok(books::complete(&online))
    }

    /// Waits until so many bytes of added memory are online.
    pub(super) fn await_online(&self, bytes: u64) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let online = self.added()?;
            if online == bytes {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("{online} bytes are online, should be {bytes}").into());
            }
            thread::sleep(PAUSE);
        }
    }

    /// Bytes of added memory that are online.
    fn added(&self) -> Result<u64> {
        let pages: u64 = books::online(self.floor)?.values().sum();
        Ok(pages * memory::page_bytes() as u64)
    }

    fn total_is_right(&self) -> Result<()> {
        let expected = self.total + self.added()? / 1024;
        let found = Counters::meminfo()?.get("MemTotal");
        if found != expected {
            return Err(format!("MemTotal is {found} kB, should be {expected} kB").into());
        }
        Ok(())
    }
}

fn frames(module: &Module) -> Range {
    module.frames(memory::page_bytes() as u64)
}
