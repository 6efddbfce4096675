// SPDX-License-Identifier: GPL-2.0-only
//! Does a commit take back what an earlier one of the series has done?

use std::collections::BTreeMap;

use anyhow::Result;

use crate::git::Git;
use crate::series::commits::Series;

/// From this many lines on it is worth a note.
const WORTH: usize = 3;

/// Lines of an earlier commit that a later one removes or changes.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rewrite {
    /// Number of the later commit, the first being 1.
    pub by: usize,
    /// Number of the earlier commit.
    pub of: usize,
    /// Where.
    pub path: String,
    /// How many lines, empty ones left out.
    pub lines: usize,
}

/// Lines that one hunk removes, as they are numbered before it.
#[derive(Debug, PartialEq)]
struct Removed {
    path: String,
    first: usize,
    count: usize,
}

/// All rewrites in the series.
pub fn find(series: &Series) -> Result<Vec<Rewrite>> {
    let mut rewrites = Vec::new();
    let mut parent = &series.root;
    for (number, commit) in series.commits.iter().enumerate() {
        rewrites.extend(by_commit(series, parent, number + 1)?);
        parent = &commit.id;
    }
    Ok(rewrites)
}

fn by_commit(series: &Series, parent: &str, by: usize) -> Result<Vec<Rewrite>> {
    let commit = &series.commits[by - 1].id;
    let diff = [
        "diff",
        "--unified=0",
        "--no-renames",
        "--no-color",
        "--no-ext-diff",
    ];
    let diff = series.git.command(&diff);
    let diff = output(diff, &[parent, commit])?;
    let mut counts: BTreeMap<(usize, String), usize> = BTreeMap::new();
    for removed in removals(&diff) {
        for author in authors(&series.git, &series.root, parent, &removed)? {
            let of = series.commits.iter().position(|commit| commit.id == author);
            if let Some(of) = of {
                *counts.entry((of + 1, removed.path.clone())).or_default() += 1;
            }
        }
    }
    let worth = counts.into_iter().filter(|(_, lines)| *lines >= WORTH);
    Ok(worth
        .map(|((of, path), lines)| Rewrite {
            by,
            of,
            path,
            lines,
        })
        .collect())
}

fn output(mut command: std::process::Command, arguments: &[&str]) -> Result<String> {
    crate::cmd::output(command.args(arguments))
}

/// What a diff without context removes from files that stay.
fn removals(diff: &str) -> Vec<Removed> {
    let mut found = Vec::new();
    let mut path = None;
    for line in diff.lines() {
        if let Some(name) = line.strip_prefix("--- ") {
            path = name.strip_prefix("a/").map(str::to_string);
        } else if let (Some(path), Some(hunk)) = (&path, line.strip_prefix("@@ -")) {
            let old = hunk.split(' ').next().unwrap_or_default();
            let (first, count) = old.split_once(',').unwrap_or((old, "1"));
            if let (Ok(first), Ok(count @ 1..)) = (first.parse(), count.parse()) {
                found.push(Removed {
                    path: path.clone(),
                    first,
                    count,
                });
            }
        }
    }
    found
}

/// The commit each non-empty line comes from.
fn authors(git: &Git, root: &str, parent: &str, removed: &Removed) -> Result<Vec<String>> {
    let lines = format!("{},+{}", removed.first, removed.count);
    let range = format!("{root}..{parent}");
    let blame = [
        "blame",
        "--line-porcelain",
        "-L",
        &lines,
        &range,
        "--",
        &removed.path,
    ];
    Ok(blamed(&git.run(&blame)?))
}

/// Commits in the output of `git blame --line-porcelain`, without those of empty lines.
fn blamed(text: &str) -> Vec<String> {
    let mut commits = Vec::new();
    let mut commit = "";
    let mut heads = true;
    for line in text.lines() {
        if heads {
            commit = line.split(' ').next().unwrap_or_default();
        }
        heads = line.starts_with('\t');
        if heads && line.trim().len() > 1 {
            commits.push(commit.to_string());
        }
    }
    commits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_removed_lines_of_files_that_were_there_count() {
        let diff = "--- a/x.c\n+++ b/x.c\n@@ -3,2 +3 @@ f()\n-a\n-b\n+c\n@@ -9,0 +9 @@\n+d\n@@ -12 +12 @@\n-e\n+f\n--- /dev/null\n+++ b/y\n@@ -0,0 +1 @@\n+g\n";
        let found: Vec<(usize, usize)> =
            removals(diff).iter().map(|r| (r.first, r.count)).collect();
        assert_eq!(found, [(3, 2), (12, 1)]);
    }

    #[test]
    fn empty_lines_and_closing_braces_are_nobodys() {
        let text = "aa 1 1 3\nauthor X\n\tint a;\naa 2 2\n\t\nbb 3 3\n\t}\nbb 4 4\n\treturn;\n";
        assert_eq!(blamed(text), ["aa", "bb"]);
    }
}
