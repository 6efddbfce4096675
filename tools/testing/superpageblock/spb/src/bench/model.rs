// SPDX-License-Identifier: GPL-2.0-only
//! What do stock and attached cost in modelled cache misses, which functions take their instructions, and how often is
//! the policy called?

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::anyhow;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::bench::boots;
use crate::bench::budget;
use crate::bench::ledger::CLASSES;
use crate::bench::symbols::Symbols;
use crate::bench::watched;
use crate::bench::watched::by_class;
use crate::bench::watched::Rows;
use crate::bench::watched::Seen;
use crate::cmd;
use crate::kernel::Variant;
use crate::project::Project;
use crate::session::Session;
use crate::together;

/// What is compared: names of configurations, and their kernels.
const COMPARED: [(&str, Variant); 2] = [("stock", Variant::Stock), ("attached", Variant::Patched)];
/// The first version of QEMU that refuses plugins made for older ones.
const NEWER: u32 = 9;

/// Boots both, prints and keeps the tables.
pub fn run(session: &mut Session) -> Result<()> {
    boots::MEMORY.check()?;
    boots::build(session)?;
    let plugin = plugin(&session.project)?;
    session.unlock();
    let [stock, attached] = watch(session, &plugin)?;
    let text = misses(&stock, &attached) + &budget::render(&stock, &attached);
    println!("\n{text}");
    let file = session.project.build("bench/model.txt");
    fs::write(&file, &text)?;
    println!("kept in {}", file.display());
    match budget::too_many(&attached)[..] {
        [] => Ok(()),
        [first, ..] => bail!("the policy is called more than once in 64 operations: {first}"),
    }
}

/// Builds the plugin for the QEMU that is there.
fn plugin(project: &Project) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo
        .args([
            "build",
            "--release",
            "--quiet",
            "--locked",
            "--package",
            "plugin",
        ])
        .arg("--manifest-path")
        .arg(project.tools("Cargo.toml"))
        .env("CARGO_TARGET_DIR", project.build("cargo"));
    if qemu_version()? < NEWER {
        cargo.env("SPB_QEMU_BEFORE_9", "1");
    }
    cmd::output(&mut cargo).context("cannot build the plugin")?;
    Ok(project.build("cargo/release/libspb_plugin.so"))
}

fn qemu_version() -> Result<u32> {
    let text = cmd::output(Command::new("qemu-system-x86_64").arg("--version"))?;
    major(&text).with_context(|| format!("which QEMU is '{text}'"))
}

/// The first number of `QEMU emulator version 10.0.2 (...)`.
fn major(text: &str) -> Option<u32> {
    let (_, version) = text.split_once("version ")?;
    version.split('.').next()?.parse().ok()
}

/// Both guests, side by side.
fn watch(session: &Session, plugin: &Path) -> Result<[Rows; 2]> {
    let dir = session.project.build("bench");
    fs::create_dir_all(&dir)?;
    let both = together::each(COMPARED, |(name, variant)| {
        println!("watching {name}: each access to memory is looked at, which takes long");
        let out = dir.join(format!("{name}.watched"));
        watch_one(session, name, variant, plugin, &out)
    });
    let rows: Vec<Rows> = both.into_iter().collect::<Result<_>>()?;
    rows.try_into().map_err(|_| anyhow!("not two guests"))
}

fn watch_one(
    session: &Session,
    name: &str,
    variant: Variant,
    plugin: &Path,
    out: &Path,
) -> Result<Rows> {
    // Before the guest: the next build replaces the map.
    let map = session.project.build(variant.name()).join("System.map");
    let symbols = Symbols::read(&map)?;
    let load = format!("{},out={}", plugin.display(), out.display());
    let transcript = boots::boot_watched(session, name, &["-plugin".to_string(), load])?;
    if let Some(reason) = transcript.failure() {
        bail!("{name}: {reason}; the console is in build/log");
    }
    println!("{name}: watched in {:.0} s", transcript.seconds);
    let report = fs::read_to_string(out).with_context(|| format!("{}", out.display()))?;
    watched::read(&report, &transcript, &symbols)
}

/// Accesses, first-level misses, last-level misses.
const FIGURES: [fn(&Seen) -> u64; 3] = [|seen| seen.accesses, |seen| seen.first, |seen| seen.last];

/// For each class, accesses and misses of an operation, averaged over its rows; and those of the whole run.
fn misses(stock: &Rows, attached: &Rows) -> String {
    let mut text = String::from(
        "Modelled data cache, 32 KiB in front of 2 MiB: for each operation, stock, attached, ratio\n\n",
    );
    text += &format!(
        "{:24}{:>30}{:>30}{:>30}\n",
        "", "accesses", "first-level misses", "last-level misses"
    );
    for class in CLASSES {
        let mut line = format!("{:24}", class.title());
        for figure in FIGURES {
            line += &compared(by_class(stock, attached, class), figure);
        }
        text += &(line + "\n");
    }
    let mut line = format!("{:24}", "the whole run, millions");
    for figure in FIGURES {
        line += &whole_run(stock, attached, figure);
    }
    text + &line + "\n"
}

/// The sum over all operations of the rows that both have.
fn whole_run(stock: &Rows, attached: &Rows, figure: fn(&Seen) -> u64) -> String {
    let both = CLASSES
        .iter()
        .flat_map(|class| by_class(stock, attached, *class));
    let (mut before, mut after) = (0, 0);
    for (_, stock, attached) in both {
        before += figure(stock);
        after += figure(attached);
    }
    cells(before as f64 / 1e6, after as f64 / 1e6)
}

fn cells(before: f64, after: f64) -> String {
    format!("{before:>12.2}{after:>10.2}{:>8.3}", after / before)
}

fn compared<'a>(
    rows: impl Iterator<Item = (&'a String, &'a Seen, &'a Seen)>,
    figure: fn(&Seen) -> u64,
) -> String {
    let (mut before, mut after, mut count) = (0.0, 0.0, 0.0);
    for (_, stock, attached) in rows {
        before += stock.each(figure(stock));
        after += attached.each(figure(attached));
        count += 1.0;
    }
    cells(before / count, after / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_qemu_is_its_first_number() {
        let debian = "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)";
        assert_eq!(major(debian), Some(10));
        assert_eq!(major("QEMU emulator version 7.2.22"), Some(7));
        assert_eq!(major("something else"), None);
    }

    #[test]
    fn misses_are_for_each_operation() {
        let seen = |operations, first| Seen {
            operations,
            first,
            ..Seen::default()
        };
        let rows = |first| Rows::from([("fresh.high.order4.free".to_string(), seen(10, first))]);
        let text = misses(&rows(20), &rows(25));
        let line = text.lines().find(|line| line.starts_with("high orders"));
        assert!(
            line.is_some_and(|line| line.contains("2.00      2.50   1.250")),
            "{text}"
        );
        let whole = misses(&rows(2_000_000), &rows(3_000_000));
        assert!(whole.contains("2.00      3.00   1.500"), "{whole}");
    }
}
