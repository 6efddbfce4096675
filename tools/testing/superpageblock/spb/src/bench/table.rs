// SPDX-License-Identifier: GPL-2.0-only
//! How does the ledger look as text?

use std::fmt::Write;

use crate::bench::ledger::Class;
use crate::bench::ledger::Ledger;
use crate::bench::ledger::Row;
use crate::bench::ledger::CLASSES;
use crate::bench::ledger::COMPARED;
use crate::bench::ledger::NAMES;

/// Width of the names of rows.
const NAME: usize = 46;

/// A table for each class, each with its means; `unit` is what was counted.
pub fn render(ledger: &Ledger, unit: &str) -> String {
    let mut out = format!("{unit} of one operation, and ratios to stock\n");
    for class in CLASSES {
        if ledger.of(class).next().is_some() {
            section(&mut out, ledger, class);
        }
    }
    for name in &ledger.incomparable {
        let _ = writeln!(out, "not measured in all configurations: {name}");
    }
    out
}

fn section(out: &mut String, ledger: &Ledger, class: Class) {
    let [stock, detached, attached] = NAMES;
    let _ = writeln!(
        out,
        "\n{:NAME$}{stock:>10}{detached:>10}{attached:>10}{detached:>10}{attached:>10}",
        class.title()
    );
    ledger.of(class).for_each(|row| line(out, row));
    let _ = write!(out, "{:76}", "geometric mean");
    for configuration in COMPARED {
        let mean = ledger.mean(class, configuration).unwrap_or(1.0);
        let _ = write!(out, "{mean:>10.4}");
    }
    out.push('\n');
}

fn line(out: &mut String, row: &Row) {
    let _ = write!(out, "{:NAME$}", row.name);
    for each in row.each {
        let _ = write!(out, "{each:>10.1}");
    }
    for configuration in COMPARED {
        let _ = write!(out, "{:>10.4}", row.ratio(configuration));
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::ledger::tests::ledger;

    #[test]
    fn each_class_has_its_rows_and_its_mean() -> anyhow::Result<()> {
        let text = render(
            &ledger(&[
                ("fresh.bulk.a.alloc", [100, 101, 150]),
                ("fresh.high.a.free", [200, 200, 100]),
            ])?,
            "Instructions",
        );
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 9);
        assert!(lines[3].ends_with("100.0     101.0     150.0    1.0100    1.5000"));
        assert!(lines[8].ends_with("1.0000    0.5000"));
        Ok(())
    }
}
