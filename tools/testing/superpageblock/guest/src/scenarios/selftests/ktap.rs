// SPDX-License-Identifier: GPL-2.0-only

//! Which cases does the output of a test name?

/// Results of the lines `ok N name` and `not ok N name`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cases {
    /// Number of cases that passed, or failed as expected.
    pub(crate) passed: u32,
    /// Number of cases that were not applicable.
    pub(crate) skipped: u32,
    /// Names of the cases that failed.
    pub(crate) failed: Vec<String>,
}

/// Reads KTAP; other output gives no cases.
pub(crate) fn cases(output: &str) -> Cases {
    let mut cases = Cases::default();
    for line in output.lines().map(str::trim) {
        let failed = line.strip_prefix("not ok ");
        let Some(name) = failed.or(line.strip_prefix("ok ")).and_then(name) else {
            continue;
        };
        let directive = line.rsplit_once(" # ").map_or("", |(_, text)| text);
        if directive.starts_with("SKIP") {
            cases.skipped += 1;
        } else if failed.is_some() && !directive.starts_with("XFAIL") {
            cases.failed.push(name.to_string());
        } else {
            cases.passed += 1;
        }
    }
    cases
}

/// The name after the number, without directives.
fn name(rest: &str) -> Option<&str> {
    let (number, name) = rest.split_once(' ').unwrap_or((rest, ""));
    number.parse::<u32>().ok()?;
    let name = name.trim_start_matches("- ");
    Some(name.split_once(" # ").map_or(name, |(name, _)| name).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_decide_over_the_first_word() {
        let text = "TAP version 13\n1..5\nok 1 one\nok 2 two # SKIP no swap\n# not ok 9 remark\n\
                    not ok 3 three # XFAIL known\nnot ok 4 - four with # in it\nok 5\n";
        let cases = cases(text);
        assert_eq!((cases.passed, cases.skipped), (3, 1));
        assert_eq!(cases.failed, ["four with"]);
    }

    #[test]
    fn prose_is_no_case() {
        assert_eq!(cases("ok so far\nnot ok at all\n"), Cases::default());
    }
}
