// SPDX-License-Identifier: GPL-2.0-only

//! Which tests does the host want?
//!
//! The second disk holds text, padded with empty lines: `number seconds uid program arguments…`.

use std::time::Duration;

use crate::sys::files;
use crate::Result;

const DEVICE: &str = "/dev/vdb";

/// One program to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Test {
    /// What the host calls it.
    pub(crate) number: u32,
    /// Time after which it is ended.
    pub(crate) limit: Duration,
    /// User it runs as.
    pub(crate) uid: u32,
    /// Program and arguments.
    pub(crate) words: Vec<String>,
}

/// Reads the disk.
pub(crate) fn read() -> Result<Vec<Test>> {
    parse(&files::read(DEVICE)?)
}

fn parse(text: &str) -> Result<Vec<Test>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| test(line).ok_or_else(|| format!("the plan has a line '{line}'").into()))
        .collect()
}

fn test(line: &str) -> Option<Test> {
    let mut words = line.split_whitespace();
    let test = Test {
        number: words.next()?.parse().ok()?,
        limit: Duration::from_secs(words.next()?.parse().ok()?),
        uid: words.next()?.parse().ok()?,
        words: words.map(String::from).collect(),
    };
    (!test.words.is_empty()).then_some(test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_no_test() {
        let tests = parse("3 60 0 ./gup_test -u -n 1\n\n\n").unwrap();
        assert_eq!(tests.len(), 1);
        assert_eq!(tests[0].number, 3);
        assert_eq!(tests[0].words, ["./gup_test", "-u", "-n", "1"]);
    }

    #[test]
    fn a_line_without_program_is_refused() {
        assert!(parse("3 60 0\n").is_err());
        assert!(parse("three 60 0 ./cow\n").is_err());
    }
}
