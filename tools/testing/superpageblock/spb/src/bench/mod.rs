// SPDX-License-Identifier: GPL-2.0-only
//! What do alloc and free cost in instructions: on stock, with the policy off, and with it?
//!
//! - [`boots`]: the three guests; [`counts`]: what one of them says;
//! - [`ledger`]: rows side by side, ratios and their means; [`table`]: all that as text;
//! - [`model`]: modelled cache misses; [`watched`], [`symbols`], [`budget`]: which functions take the instructions;
//! - [`locks`]: how long zone->lock is held; [`latency`]: how long kernel memory waits under pressure;
//!   [`twins`]: what these share;
//! - [`native`]: what it takes in time; [`program`]: kernels that are programs, for that;
//! - [`reference`]: what it was before, and whether it is worse now; [`tools`]: what else that depends on.

mod boots;
mod budget;
mod counts;
pub mod latency;
mod ledger;
pub mod locks;
pub mod model;
pub mod native;
mod program;
mod reference;
mod symbols;
mod table;
mod tools;
mod twins;
mod watched;

use std::fs;
use std::sync::OnceLock;

use anyhow::bail;
use anyhow::Result;

use crate::bench::counts::Counts;
use crate::bench::ledger::Ledger;
use crate::bench::ledger::NAMES;
use crate::bench::reference::Reference;
use crate::cases::Cases;
use crate::memory::Mib;
use crate::session::Session;

pub use crate::bench::boots::build;
pub use crate::bench::boots::MEMORY;

/// The case that fails when nothing can be counted.
pub const CASE: &str = "instruction ledger";

/// Measures, and compares with the reference or makes the result the new one.
pub fn run(session: &mut Session, memory: Option<Mib>, update: bool) -> Result<()> {
    if memory.is_some_and(|memory| memory != MEMORY) {
        bail!("what is measured depends on the guest's memory, which is {MEMORY}: leave MEM out");
    }
    MEMORY.check()?;
    build(session)?;
    session.unlock();
    let ledger = kept(session, boots::boot_all(session)?)?;
    let path = session.project.tools(reference::FILE);
    let mut reference = Reference::read(&path)?;
    let tools = tools::identity(session)?;
    if update {
        reference.update(&tools, &ledger);
        reference.write(&path)?;
        println!("new reference: {}", path.display());
        return Ok(());
    }
    println!("{}", reference.describe(&tools));
    let judged = reference.judge(&tools, &ledger);
    let worse: Vec<&String> = judged.iter().flat_map(|verdict| &verdict.worse).collect();
    worse.iter().for_each(|line| println!("worse: {line}"));
    match worse.len() {
        0 => Ok(()),
        count => bail!("{count} figures are worse than the reference"),
    }
}

/// Counts while other guests run: what is counted does not depend on the time it takes.
pub struct Counting<'a> {
    session: &'a Session,
    cases: &'a Cases,
    counts: [OnceLock<Counts>; NAMES.len()],
}

impl<'a> Counting<'a> {
    /// Nothing is counted yet; a guest that fails is a failed case.
    pub fn new(session: &'a Session, cases: &'a Cases) -> Self {
        Self {
            session,
            cases,
            counts: Default::default(),
        }
    }

    /// What each configuration has to run, once its kernel and modules are built.
    pub fn guests(&self) -> impl Iterator<Item = impl FnOnce() + Send + use<'_>> + use<'_> {
        self.counts
            .iter()
            .enumerate()
            .map(move |(index, counts)| move || self.count(index, counts))
    }

    fn count(&self, index: usize, into: &OnceLock<Counts>) {
        let counts = || boots::boot_number(self.session, index);
        if let Some(counts) = self.cases.attempt(CASE, counts) {
            let _ = into.set(counts);
        }
    }

    /// Compares with the reference if everything was counted; each class of rows is a case for each configuration.
    pub fn judge(self) {
        let counts = self.counts.map(OnceLock::into_inner);
        let [Some(stock), Some(detached), Some(attached)] = counts else {
            return;
        };
        let judged = self.cases.attempt(CASE, || {
            let ledger = kept(self.session, [stock, detached, attached])?;
            let reference = Reference::read(&self.session.project.tools(reference::FILE))?;
            let tools = tools::identity(self.session)?;
            println!("{}", reference.describe(&tools));
            Ok(reference.judge(&tools, &ledger))
        });
        for verdict in judged.unwrap_or_default() {
            self.cases.record(&verdict.name, verdict.outcome());
        }
    }
}

/// Prints and keeps the table.
fn kept(session: &Session, counts: [Counts; NAMES.len()]) -> Result<Ledger> {
    let ledger = Ledger::new(counts)?;
    let text = table::render(&ledger, "Instructions");
    println!("\n{text}");
    let dir = session.project.build("bench");
    fs::create_dir_all(&dir)?;
    fs::write(dir.join("ledger.txt"), &text)?;
    fs::write(dir.join("ledger.toml"), toml::to_string(&ledger)?)?;
    println!("kept in {}/ledger.txt and ledger.toml", dir.display());
    Ok(ledger)
}
