// SPDX-License-Identifier: GPL-2.0-only
//! What did the plugin see in a guest, by row and function?

use std::collections::BTreeMap;

use anyhow::anyhow;
use anyhow::Context;
use anyhow::Result;

use crate::bench::ledger::Class;
use crate::bench::symbols::Symbols;
use crate::transcript::Transcript;

/// What the guest calls the rows that it numbers.
const ROW: &str = "bench_row";
/// Kinds of windows, by the numbers of their marks: their names, and the function that is entered once for each
/// operation.
const KINDS: [(&str, Option<&str>); 4] = [
    ("alloc", Some("__alloc_frozen_pages_noprof")),
    ("free", Some("__free_pages")),
    ("pair", Some("__alloc_frozen_pages_noprof")),
    ("all", None),
];

/// What a function did in the windows of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Function {
    /// Instructions.
    pub instructions: u64,
    /// Calls.
    pub calls: u64,
}

/// What happened in the windows of a row.
#[derive(Debug, Default, PartialEq)]
pub struct Seen {
    /// Operations; 1 where they cannot be counted and the same are done each time.
    pub operations: u64,
    /// Instructions, of the kernel and of the program.
    pub instructions: u64,
    /// Reads and writes of memory.
    pub accesses: u64,
    /// Of these, what the first level did not have.
    pub first: u64,
    /// Of these, what the last level did not have either.
    pub last: u64,
    /// By name.
    pub functions: BTreeMap<String, Function>,
}

/// Rows by name, `STATE.CLASS.ROW.OPERATION`.
pub type Rows = BTreeMap<String, Seen>;

/// Reads what the plugin reported of a guest.
///
/// # Errors
///
/// A line that is not understood, or a row that the guest did not name.
pub fn read(report: &str, transcript: &Transcript, symbols: &Symbols) -> Result<Rows> {
    let mut rows = Rows::new();
    let mut current = None;
    for line in report.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["slot", row, kind, ref figures @ ..] => {
                let (name, seen) = slot(transcript, row, kind, figures)
                    .with_context(|| format!("'{line}' of the plugin"))?;
                current = Some(rows.entry(name).or_insert(seen));
            }
            ["block", address, instructions, entries] => {
                let seen = current.as_deref_mut().context("a block before any row")?;
                block(seen, symbols, address, instructions, entries)
                    .with_context(|| format!("'{line}' of the plugin"))?;
            }
            _ => return Err(anyhow!("the plugin reported '{line}'")),
        }
    }
    for (name, seen) in &mut rows {
        seen.operations = operations(name, seen);
    }
    Ok(rows)
}

fn slot(
    transcript: &Transcript,
    row: &str,
    kind: &str,
    figures: &[&str],
) -> Result<(String, Seen)> {
    let row = transcript
        .values
        .get(&format!("{ROW}.{row}"))
        .with_context(|| format!("the guest named no row {row}"))?;
    let kind: usize = kind.parse()?;
    let (operation, _) = kind
        .checked_sub(1)
        .and_then(|kind| KINDS.get(kind))
        .with_context(|| format!("no window is of kind {kind}"))?;
    let figures: Vec<u64> = figures
        .iter()
        .map(|word| word.parse())
        .collect::<Result<_, _>>()?;
    let [instructions, accesses, first, last] = figures[..] else {
        return Err(anyhow!("there are not four figures"));
    };
    let seen = Seen {
        operations: 1,
        instructions,
        accesses,
        first,
        last,
        functions: BTreeMap::new(),
    };
    Ok((format!("{row}.{operation}"), seen))
}

fn block(
    seen: &mut Seen,
    symbols: &Symbols,
    address: &str,
    instructions: &str,
    entries: &str,
) -> Result<()> {
    let (name, first) = symbols.find(u64::from_str_radix(address, 16)?);
    let entries: u64 = entries.parse()?;
    let function = seen.functions.entry(name.to_string()).or_default();
    function.instructions += instructions.parse::<u64>()?;
    function.calls += if first { entries } else { 0 };
    Ok(())
}

fn operations(name: &str, seen: &Seen) -> u64 {
    let kind = KINDS.iter().find(|(kind, _)| name.ends_with(kind));
    let entered = kind.and_then(|(_, function)| seen.functions.get((*function)?));
    entered.map_or(1, |function| function.calls.max(1))
}

impl Seen {
    /// `total` for each operation.
    pub fn each(&self, total: u64) -> f64 {
        total as f64 / self.operations as f64
    }
}

/// Rows that both have, by class.
pub fn by_class<'a>(
    stock: &'a Rows,
    attached: &'a Rows,
    class: Class,
) -> impl Iterator<Item = (&'a String, &'a Seen, &'a Seen)> {
    stock
        .iter()
        .filter(move |(name, _)| Class::of(name) == Some(class))
        .filter_map(|(name, seen)| Some((name, seen, attached.get(name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols() -> Symbols {
        Symbols::parse("ffffffff81000000 T __free_pages\nffffffff81000100 t inner\n")
    }

    fn transcript() -> Transcript {
        let mut transcript = Transcript::default();
        transcript.take("SPB: bench_row.1=fresh.high.order4");
        transcript
    }

    #[test]
    fn rows_get_their_names_and_functions_their_calls() -> Result<()> {
        let report =
            "slot 1 2 100 40 10 2\nblock ffffffff81000000 60 20\nblock ffffffff81000110 40 20\n";
        let rows = read(report, &transcript(), &symbols())?;
        let seen = &rows["fresh.high.order4.free"];
        assert_eq!((seen.operations, seen.each(seen.first)), (20, 0.5));
        let inner = seen.functions["inner"];
        assert_eq!((inner.instructions, inner.calls), (40, 0));
        Ok(())
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let symbols = symbols();
        let refused = |text| read(text, &transcript(), &symbols).is_err();
        assert!(refused("slot 2 2 100 40 10 2"));
        assert!(refused("slot 1 9 100 40 10 2"));
        assert!(refused("slot 1 2 100 40 10"));
        assert!(refused("block ffffffff81000000 60 20"));
        assert!(refused("other"));
    }
}
