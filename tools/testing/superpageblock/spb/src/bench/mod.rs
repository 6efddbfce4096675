// SPDX-License-Identifier: GPL-2.0-only
//! What do alloc and free cost in instructions: on stock, with the policy off, and with it?
//!
//! - [`boots`]: the three guests; [`counts`]: what one of them says;
//! - [`ledger`]: rows side by side, ratios and their means; [`table`]: all that as text;
//! - [`model`]: modelled cache misses; [`watched`], [`symbols`], [`budget`]: which functions take the instructions;
//! - [`locks`]: how long zone->lock is held;
//! - [`reference`]: what it was before, and whether it is worse now; [`tools`]: what else that depends on.

mod boots;
mod budget;
mod counts;
mod ledger;
pub mod locks;
pub mod model;
mod reference;
mod symbols;
mod table;
mod tools;
mod watched;

use std::fs;

use anyhow::bail;
use anyhow::Result;

use crate::bench::boots::MEMORY;
use crate::bench::ledger::Ledger;
use crate::bench::reference::Reference;
use crate::cases::Cases;
use crate::memory::Mib;
use crate::session::Session;

pub use crate::bench::boots::build;

/// Measures, and compares with the reference or makes the result the new one.
pub fn run(session: &mut Session, memory: Option<Mib>, update: bool) -> Result<()> {
    if memory.is_some_and(|memory| memory != MEMORY) {
        bail!("what is measured depends on the guest's memory, which is {MEMORY}: leave MEM out");
    }
    MEMORY.check()?;
    build(session)?;
    session.unlock();
    let ledger = measure(session)?;
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

/// Measures; each class of rows is a case for each configuration.
pub fn test(session: &Session, cases: &Cases) {
    let measured = cases.attempt("instruction ledger", || {
        let reference = Reference::read(&session.project.tools(reference::FILE))?;
        let tools = tools::identity(session)?;
        println!("{}", reference.describe(&tools));
        Ok(reference.judge(&tools, &measure(session)?))
    });
    for verdict in measured.unwrap_or_default() {
        cases.record(&verdict.name, verdict.outcome());
    }
}

/// Boots the guests; prints and keeps the table.
fn measure(session: &Session) -> Result<Ledger> {
    let ledger = Ledger::new(boots::boot_all(session)?)?;
    let text = table::render(&ledger);
    println!("\n{text}");
    let dir = session.project.build("bench");
    fs::create_dir_all(&dir)?;
    fs::write(dir.join("ledger.txt"), &text)?;
    fs::write(dir.join("ledger.toml"), toml::to_string(&ledger)?)?;
    println!("kept in {}/ledger.txt and ledger.toml", dir.display());
    Ok(ledger)
}
