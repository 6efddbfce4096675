// SPDX-License-Identifier: GPL-2.0-only

//! What do the counts say, and is it what is required?

use std::fmt::Write;

use crate::callgrind::Cost;
use crate::cases;
use crate::cases::Case;
use crate::cases::Growth;
use crate::cases::SIZES;

/// A cost that does not grow may still differ by this much.
pub const MOST: f64 = 1.1;

/// A case and what it costs at each of [`SIZES`].
pub struct Row {
    /// What it belongs to.
    pub group: &'static str,
    /// What it is.
    pub case: &'static Case,
    /// Cost at each size.
    pub costs: [Cost; SIZES.len()],
}

impl Row {
    /// Instructions at the largest size over those at the smallest that counts.
    pub fn ratio(&self) -> f64 {
        let from = match self.case.growth {
            Growth::None { from } => from,
            _ => SIZES[0],
        };
        let first = SIZES.iter().position(|size| *size == from).unwrap_or(0);
        let last = self.costs[SIZES.len() - 1];
        last.instructions / self.costs[first].instructions
    }

    /// What is wrong with it, if anything.
    pub fn complaint(&self) -> Option<String> {
        let (name, ratio) = (self.case.name, self.ratio());
        match self.case.growth {
            Growth::None { from } if ratio > MOST => Some(format!(
                "{name}: {ratio:.2} times the instructions at {} blocks as at {from}, at most {MOST} is allowed",
                SIZES[SIZES.len() - 1]
            )),
            Growth::Known(_) if ratio <= MOST => Some(format!(
                "{name}: is listed as growing with the number of blocks, but does not"
            )),
            _ => None,
        }
    }
}

/// The rows, from costs in the order of [`cases::all`].
pub fn rows(costs: &[Cost]) -> Vec<Row> {
    let cases = cases::all().step_by(SIZES.len());
    let costs = costs.chunks_exact(SIZES.len());
    cases
        .zip(costs)
        .map(|((group, case, _), costs)| Row {
            group,
            case,
            costs: std::array::from_fn(|n| costs[n]),
        })
        .collect()
}

/// What is wrong with any of the rows.
pub fn complaints(rows: &[Row]) -> Vec<String> {
    rows.iter().filter_map(Row::complaint).collect()
}

/// The rows as a table.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut group = "";
    for row in rows {
        if row.group != group {
            group = row.group;
            heading(&mut text, group);
        }
        line(&mut text, row);
    }
    text
}

fn heading(text: &mut String, group: &str) {
    let _ = write!(text, "{:<40}", format!("{group}, instructions at"));
    for size in SIZES {
        let _ = write!(text, "{:>11}", format!("{size} GB"));
    }
    let _ = writeln!(text, "{:>9}{:>15}", "ratio", "misses");
}

fn line(text: &mut String, row: &Row) {
    let _ = write!(text, "  {:<38}", row.case.name);
    for cost in &row.costs {
        let _ = write!(text, "{:>11.0}", cost.instructions);
    }
    let (few, many) = (row.costs[0].misses, row.costs[SIZES.len() - 1].misses);
    let misses = format!("{few:.1} - {many:.1}");
    let _ = write!(text, "{:>9.2}{misses:>15}", row.ratio());
    let note = match (row.case.growth, row.complaint()) {
        (_, Some(_)) => "  WRONG".to_string(),
        (Growth::None { from }, None) if from != SIZES[0] => format!("  from {from} GB"),
        (Growth::Known(why), None) => format!("  {why}"),
        _ => String::new(),
    };
    let _ = writeln!(text, "{note}");
}
