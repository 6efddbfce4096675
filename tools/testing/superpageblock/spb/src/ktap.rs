// SPDX-License-Identifier: GPL-2.0-only
//! Which KUnit cases does a kernel log report?

use crate::transcript::Case;

/// Leaf results of the KTAP text among `lines`; skipped cases are left out.
pub fn cases<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Case> {
    let mut open: Vec<String> = Vec::new();
    let mut cases: Vec<Case> = Vec::new();
    for line in lines.map(without_time) {
        if let Some(name) = line.strip_prefix("# Subtest: ") {
            open.push(name.trim().to_string());
            continue;
        }
        let Some((passed, name)) = result(line) else {
            continue;
        };
        if open.last().is_some_and(|group| *group == name) {
            open.pop();
            let path = [open.join("."), name]
                .join(".")
                .trim_matches('.')
                .to_string();
            let told = cases
                .iter()
                .any(|case| case.failure.is_some() && case.name.starts_with(&path));
            if passed || told {
                continue;
            }
            cases.push(Case {
                name: path,
                failure: Some("suite failed".to_string()),
            });
        } else if !line.contains("# SKIP") && !open.is_empty() {
            let failure = (!passed).then(|| "see the kernel log".to_string());
            cases.push(Case {
                name: format!("{}.{name}", open.join(".")),
                failure,
            });
        }
    }
    cases
}

/// The line without printk's time stamp, level and indentation.
fn without_time(line: &str) -> &str {
    let line = line.trim_start();
    let rest = match line.strip_prefix('[') {
        Some(stamped) => stamped.split_once(']').map_or(line, |(_, rest)| rest),
        None => line,
    };
    rest.trim()
}

/// `ok 1 name` and `not ok 1 name`.
fn result(line: &str) -> Option<(bool, String)> {
    let (passed, rest) = match line.strip_prefix("not ok ") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok ")?),
    };
    let (number, name) = rest.split_once(' ')?;
    number.parse::<u32>().ok()?;
    let name = name.trim_start_matches("- ").split(" # ").next()?.trim();
    Some((passed, name.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "[    0.1] KTAP version 1\n[    0.1] 1..1\n[    0.1]     KTAP version 1\n\
        [    0.1]     # Subtest: suite\n[    0.1]     1..3\n[    0.1]     ok 1 one\n\
        [    0.1]         # Subtest: many\n[    0.1]         ok 1 first\n[    0.1]         not ok 2 second\n\
        [    0.1]     not ok 2 many\n[    0.1]     ok 3 three # SKIP no memory\n[    0.1] not ok 1 suite\n";

    #[test]
    fn groups_count_by_their_leaves() {
        let cases = cases(LOG.lines());
        let seen: Vec<(&str, bool)> = cases
            .iter()
            .map(|c| (c.name.as_str(), c.failure.is_none()))
            .collect();
        assert_eq!(
            seen,
            [
                ("suite.one", true),
                ("suite.many.first", true),
                ("suite.many.second", false)
            ]
        );
    }

    #[test]
    fn a_suite_that_fails_by_itself_is_a_case() {
        let log = "# Subtest: s\nok 1 a\nnot ok 1 s\n";
        let failed: Vec<String> = cases(log.lines())
            .into_iter()
            .filter(|c| c.failure.is_some())
            .map(|c| c.name)
            .collect();
        assert_eq!(failed, ["s"]);
    }
}
