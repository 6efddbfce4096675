// SPDX-License-Identifier: GPL-2.0-only
//! Which functions take the instructions of an operation, on stock and attached?

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write;

use crate::bench::ledger::Class;
use crate::bench::ledger::CLASSES;
use crate::bench::watched::by_class;
use crate::bench::watched::Rows;
use crate::bench::watched::Seen;

/// Functions of a class that are shown: those that differ most.
const SHOWN: usize = 14;
/// Instructions below which a difference is not shown.
const LEAST: f64 = 0.5;
/// What the names of the policy's entries have in them, as the compiler mangles them: the module `ffi`.
const POLICY: &str = "policy_main3ffi";

/// Rows that have the policy called on purpose: each step goes further than the slack that a rank has.
const BEYOND: &str = ".edges.filling-far.";
/// What goes back and forth at an edge may call the policy once in this many operations.
const OPERATIONS: f64 = 64.0;

/// For each class where its instructions go, and how often the policy is called.
pub fn render(stock: &Rows, attached: &Rows) -> String {
    let mut text =
        String::from("\nInstructions of an operation by function, stock, attached, difference\n");
    for class in CLASSES {
        section(&mut text, class, stock, attached);
    }
    text += "\nCalls of the policy for 64 operations, attached\n";
    for (name, seen) in attached {
        let calls = policy_calls(seen);
        if calls > 0 {
            let _ = writeln!(text, "{name:46}{:>10.2}", OPERATIONS * seen.each(calls));
        }
    }
    text
}

/// Rows at edges where the policy is called more than once in 64 operations.
pub fn too_many(attached: &Rows) -> Vec<&String> {
    attached
        .iter()
        .filter(|(name, _)| name.contains(".edges.") && !name.contains(BEYOND))
        .filter(|(_, seen)| OPERATIONS * seen.each(policy_calls(seen)) > 1.0)
        .map(|(name, _)| name)
        .collect()
}

fn section(text: &mut String, class: Class, stock: &Rows, attached: &Rows) {
    let (before, after): (Vec<&Seen>, Vec<&Seen>) = by_class(stock, attached, class)
        .map(|(_, stock, attached)| (stock, attached))
        .unzip();
    let (before, after) = (functions(&before), functions(&after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut lines: Vec<(&str, f64, f64)> = names
        .into_iter()
        .map(|name| {
            let of = |sums: &BTreeMap<String, f64>| sums.get(name).copied().unwrap_or(0.0);
            (name.as_str(), of(&before), of(&after))
        })
        .collect();
    let (stock_sum, attached_sum): (f64, f64) = (before.values().sum(), after.values().sum());
    lines.sort_by(|a, b| (b.2 - b.1).abs().total_cmp(&(a.2 - a.1).abs()));
    let _ = writeln!(text, "\n{}", class.title());
    for (name, before, after) in lines.into_iter().take(SHOWN) {
        if (after - before).abs() >= LEAST {
            line(text, name, before, after);
        }
    }
    line(text, "all", stock_sum, attached_sum);
}

/// Instructions of each function for each operation, averaged over the rows of a class.
fn functions(rows: &[&Seen]) -> BTreeMap<String, f64> {
    let mut sums = BTreeMap::new();
    for seen in rows {
        for (name, function) in &seen.functions {
            let each = seen.each(function.instructions) / rows.len() as f64;
            *sums.entry(name.clone()).or_insert(0.0) += each;
        }
    }
    sums
}

fn line(text: &mut String, name: &str, before: f64, after: f64) {
    let _ = writeln!(
        text,
        "  {name:60}{before:>12.1}{after:>12.1}{:>+10.1}",
        after - before
    );
}

/// Calls from C to Rust: entries of the policy are what its object exports under a mangled name.
fn policy_calls(seen: &Seen) -> u64 {
    seen.functions
        .iter()
        .filter(|(name, _)| name.contains(POLICY))
        .map(|(_, function)| function.calls)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::watched::Function;

    fn rows(name: &str, operations: u64, calls: u64) -> Rows {
        let function = Function {
            instructions: 10 * calls,
            calls,
        };
        let seen = Seen {
            operations,
            functions: [("_RNvNtCsX_11policy_main3ffi4plan".to_string(), function)].into(),
            ..Seen::default()
        };
        Rows::from([(name.to_string(), seen)])
    }

    #[test]
    fn one_call_in_64_operations_is_not_too_many() {
        let name = "fresh.edges.last-order4.free";
        assert!(too_many(&rows(name, 640, 10)).is_empty());
        assert_eq!(too_many(&rows(name, 640, 11)), [name]);
        assert!(too_many(&rows("fresh.high.order4.free", 64, 64)).is_empty());
        assert!(too_many(&rows("fresh.edges.filling-far.free", 64, 64)).is_empty());
    }

    #[test]
    fn functions_and_calls_are_shown() {
        let (stock, attached) = (
            rows("fresh.edges.a.free", 64, 0),
            rows("fresh.edges.a.free", 64, 32),
        );
        let text = render(&stock, &attached);
        assert!(text.contains("ffi4plan"), "{text}");
        assert!(
            text.contains("fresh.edges.a.free") && text.ends_with("32.00\n"),
            "{text}"
        );
    }
}
