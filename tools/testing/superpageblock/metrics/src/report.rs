// SPDX-License-Identifier: GPL-2.0-only

//! How do the kernels compare, in text that fits an 80-column terminal?

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::map::LEGEND;
use crate::rows::ROWS;
use crate::GuestRun;

const STOCK: &str = "stock";
const PATCHED: &str = "patched";

/// Blocks per map line: 64 GB.
const MAP_COLUMNS: usize = 64;

const LABEL: usize = 20;
const COLUMN: usize = 15;
/// Most kernels side by side, so that a line stays within 80 columns.
const MAX_KERNELS: usize = 3;

/// Compares the runs: one table and map group per seed, then the sums over all seeds.
///
/// What is worse on the patched kernel comes first, under `worse than stock:`.
pub fn report(runs: &[GuestRun]) -> String {
    Report { color: false }.render(runs)
}

/// The same as [`report`], with ANSI colours.
pub fn report_colored(runs: &[GuestRun]) -> String {
    Report { color: true }.render(runs)
}

struct Report {
    color: bool,
}

impl Report {
    fn render(&self, runs: &[GuestRun]) -> String {
        let seeds: BTreeSet<u64> = runs.iter().map(|r| r.seed).collect();
        let mut out = self.worse(runs, &seeds);
        for &seed in &seeds {
            out.push_str(&self.group(runs, seed));
        }
        out.push_str(&legend(runs));
        out.push_str(&splats(runs));
        out.push_str(&summary(runs));
        out
    }

    fn worse(&self, runs: &[GuestRun], seeds: &BTreeSet<u64>) -> String {
        let lines: Vec<String> = seeds.iter().flat_map(|&s| worse_lines(runs, s)).collect();
        if lines.is_empty() {
            return String::new();
        }
        let mut out = format!("{}\n", self.paint("31;1", "worse than stock:"));
        for line in lines {
            let _ = writeln!(out, "  {}", self.paint("31", &line));
        }
        out.push('\n');
        out
    }

    fn group(&self, runs: &[GuestRun], seed: u64) -> String {
        let columns = columns(runs, seed);
        let mut out = self.paint("1", &header(&columns, seed));
        out.push('\n');
        for row in &ROWS {
            let texts: Vec<String> = columns.iter().map(|r| r.text(row.key)).collect();
            if texts.iter().all(|t| t == "-") {
                continue;
            }
            let mut line = format!("{:<LABEL$}", row.key);
            for text in texts {
                let _ = write!(line, "{text:>COLUMN$}");
            }
            if let Some((stock, patched)) = pair(runs, seed) {
                let ratio = row.ratio(stock, patched).map(|r| format!("{r:.3}"));
                let _ = write!(line, "{:>COLUMN$}", ratio.unwrap_or_default());
            }
            let _ = writeln!(out, "{}", line.trim_end());
        }
        out.push_str(&self.maps(&columns));
        out.push('\n');
        out
    }

    fn maps(&self, columns: &[&GuestRun]) -> String {
        let names: BTreeSet<&str> = columns
            .iter()
            .flat_map(|r| r.maps.iter().map(|(name, _)| name.as_str()))
            .collect();
        let mut ordered: Vec<&str> = names.into_iter().collect();
        ordered.sort_by_key(|name| (*name != "start", *name != "before", *name));
        let mut out = String::new();
        for name in ordered {
            for run in columns {
                out.push_str(&self.map(run, name));
            }
        }
        out
    }

    fn map(&self, run: &GuestRun, name: &str) -> String {
        let Some((_, map)) = run.maps.iter().rev().find(|(n, _)| n == name) else {
            return String::new();
        };
        let symbols: Vec<char> = map.chars().collect();
        let mut out = String::new();
        for (line, part) in symbols.chunks(MAP_COLUMNS).enumerate() {
            let title = if line == 0 {
                format!("{name} {}", run.kernel)
            } else {
                String::new()
            };
            let _ = write!(out, "{:<16.15}", title);
            part.iter().for_each(|c| out.push_str(&self.symbol(*c)));
            out.push('\n');
        }
        out
    }

    fn symbol(&self, symbol: char) -> String {
        let code = match symbol {
            '#' => "31",
            '+' => "33",
            'H' => "36;1",
            '.' | '-' | 'm' => "32",
            _ => "2",
        };
        self.paint(code, &symbol.to_string())
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }
}

/// The last run of `kernel` with `seed`.
fn find<'a>(runs: &'a [GuestRun], seed: u64, kernel: &str) -> Option<&'a GuestRun> {
    runs.iter()
        .rev()
        .find(|r| r.seed == seed && r.kernel == kernel)
}

fn pair(runs: &[GuestRun], seed: u64) -> Option<(&GuestRun, &GuestRun)> {
    Some((find(runs, seed, STOCK)?, find(runs, seed, PATCHED)?))
}

/// Stock, patched, then the other kernels by name.
fn kernels(runs: &[GuestRun]) -> Vec<&str> {
    let names: BTreeSet<&str> = runs.iter().map(|r| r.kernel.as_str()).collect();
    let mut ordered: Vec<&str> = names.into_iter().collect();
    ordered.sort_by_key(|name| (*name != STOCK, *name != PATCHED, *name));
    ordered
}

fn columns(runs: &[GuestRun], seed: u64) -> Vec<&GuestRun> {
    kernels(runs)
        .iter()
        .filter_map(|kernel| find(runs, seed, kernel))
        .take(MAX_KERNELS)
        .collect()
}

fn header(columns: &[&GuestRun], seed: u64) -> String {
    let mut line = format!("{:<LABEL$}", format!("seed {seed}"));
    for run in columns {
        let _ = write!(line, "{:>COLUMN$.14}", run.kernel);
    }
    let has = |name: &str| columns.iter().any(|r| r.kernel == name);
    if has(STOCK) && has(PATCHED) {
        let _ = write!(line, "{:>COLUMN$}", "patched/stock");
    }
    line
}

fn worse_lines(runs: &[GuestRun], seed: u64) -> Vec<String> {
    let Some((stock, patched)) = pair(runs, seed) else {
        return Vec::new();
    };
    ROWS.iter()
        .filter(|row| row.worse(stock, patched))
        .map(|row| {
            let (base, new) = (stock.text(row.key), patched.text(row.key));
            format!("seed {seed}: {} {base} -> {new}", row.key)
        })
        .collect()
}

fn legend(runs: &[GuestRun]) -> String {
    if runs.iter().all(|r| r.maps.is_empty()) {
        return String::new();
    }
    let mut out = String::from("one character per gigabyte block:\n");
    for (symbol, meaning) in LEGEND {
        let _ = writeln!(out, "  {symbol}  {meaning}");
    }
    out.push('\n');
    out
}

fn splats(runs: &[GuestRun]) -> String {
    let mut out = String::new();
    for run in runs {
        for line in &run.splats {
            let _ = writeln!(out, "splat ({}, seed {}): {line}", run.kernel, run.seed);
        }
    }
    out
}

fn summary(runs: &[GuestRun]) -> String {
    kernels(runs)
        .iter()
        .map(|k| summary_line(runs, k))
        .collect()
}

/// Sums over the seeds; 1 GB pages count only where live memory was kept.
fn summary_line(runs: &[GuestRun], kernel: &str) -> String {
    let mine: Vec<&GuestRun> = runs.iter().filter(|r| r.kernel == kernel).collect();
    let sum = |key: &str, kept: bool| -> f64 {
        mine.iter()
            .filter(|r| !kept || r.live_kept())
            .filter_map(|r| r.number(key))
            .sum()
    };
    let (possible, obtained, counted) = (
        sum("possible", false),
        sum("obtained", false),
        sum("obtained", true),
    );
    let percent = if possible > 0.0 {
        format!("{:.1} %", 100.0 * counted / possible)
    } else {
        "-".into()
    };
    format!(
        "{kernel:<8} {} run(s): 1 GB pages possible {possible}, obtained {obtained}, yield {percent}\n",
        mine.len()
    )
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
