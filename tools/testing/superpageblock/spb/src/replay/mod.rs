// SPDX-License-Identifier: GPL-2.0-only
//! What would other rules of the policy have done with the allocations of real programs?
//!
//! Programs of a Debian system run in a guest with stock's allocator, [`image`], and all its allocations are
//! recorded, [`record`]. The crate `replay` carries them out on a model of a zone, once with the policy of the
//! kernel, and once with each of its [`rules`] instead.

mod image;
mod record;
mod rules;

use std::process::Command;

use anyhow::Result;

use crate::cmd;
use crate::memory::Mib;
use crate::project::Project;
use crate::session::Session;

/// Memory of a machine that these workloads fill.
const USUAL: Mib = Mib(384);

/// Columns: heading, and what the replay calls it.
const COLUMNS: [(&str, &str); 12] = [
    ("allocations", "allocations"),
    ("failed", "failed"),
    ("refused", "refused"),
    ("unknown", "unknown"),
    ("kernel", "kernel_most"),
    ("taints", "taints"),
    ("most", "tainted_most"),
    ("mean", "tainted_mean"),
    ("end", "tainted_end"),
    ("empty", "empty_mean"),
    ("moved", "moved"),
    ("updates", "updates"),
];

/// Records what is not there yet, or everything if `anew`, and prints a table for each workload.
pub fn run(session: &mut Session, memory: Option<Mib>, anew: bool) -> Result<()> {
    let memory = memory.unwrap_or(USUAL);
    let recordings = record::recordings(session, memory, anew)?;
    let rules = rules::read(&session.project)?;
    let mut results = Vec::new();
    for rule in [""]
        .into_iter()
        .chain(rules.iter().map(|rule| rule.name.as_str()))
    {
        results.push((rule, replay(&session.project, rule, memory, &recordings)?));
    }
    for (number, recording) in recordings.iter().enumerate() {
        println!("\n{}", heading(&recording.name));
        for (rule, lines) in &results {
            println!("{}", row(rule, &lines[number]));
        }
    }
    println!("\nBlocks of 32 MB in {} MB: that got kernel memory, had some at most, on average and at the end; that were", memory.0);
    println!(
        "empty on average. Pages moved to make room. Calls that change what the policy knows."
    );
    rules
        .iter()
        .for_each(|rule| println!("{:<22}{}", rule.name, rule.why));
    Ok(())
}

/// One line of results for each recording.
fn replay(
    project: &Project,
    rule: &str,
    memory: Mib,
    recordings: &[record::Recording],
) -> Result<Vec<String>> {
    let mut program = Command::new("cargo");
    program
        .args([
            "run",
            "--release",
            "--quiet",
            "--locked",
            "--package",
            "replay",
        ])
        .arg("--manifest-path")
        .arg(project.tools("Cargo.toml"))
        .env("CARGO_TARGET_DIR", project.build("cargo"))
        .env("REPLAY_RULE", rule)
        .arg("--")
        .arg(memory.0.to_string())
        .args(recordings.iter().map(record::Recording::argument));
    let text = cmd::output(&mut program)?;
    Ok(text.lines().map(String::from).collect())
}

fn heading(workload: &str) -> String {
    let columns = COLUMNS.iter().map(|(heading, _)| format!("{heading:>12}"));
    format!("{workload:<22}{}", columns.collect::<String>())
}

fn row(rule: &str, line: &str) -> String {
    let name = if rule.is_empty() {
        "as in the kernel"
    } else {
        rule
    };
    let columns = COLUMNS
        .iter()
        .map(|(_, key)| format!("{:>12}", value(line, key)));
    format!("{name:<22}{}", columns.collect::<String>())
}

/// What follows `key=` in a line of results.
fn value<'a>(line: &'a str, key: &str) -> &'a str {
    let words = line
        .split_whitespace()
        .filter_map(|word| word.split_once('='));
    words
        .clone()
        .find(|(found, _)| *found == key)
        .map_or("-", |(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_below_their_headings() {
        let line = "build seconds=9 allocations=17 failed=0 tainted_mean=1.25";
        assert_eq!(value(line, "tainted_mean"), "1.25");
        assert_eq!(value(line, "mean"), "-");
        let (heading, row) = (heading("build"), row("", line));
        assert_eq!(heading.len(), row.len());
        assert_eq!(
            heading.find("allocations").map(|at| at + 11),
            row.find("17").map(|at| at + 2)
        );
    }
}
