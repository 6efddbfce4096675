// SPDX-License-Identifier: GPL-2.0-only

//! What does the kernel command line ask for?

use std::collections::BTreeMap;
use std::fs;

/// The `spb.` words of the kernel command line.
#[derive(Debug, Default)]
pub(crate) struct Cmdline {
    /// `spb.scenario=`, `smoke` by default.
    pub(crate) scenario: String,
    /// `spb.seed=`, 1 by default.
    pub(crate) seed: u64,
    args: BTreeMap<String, String>,
}

impl Cmdline {
    /// Reads `/proc/cmdline`.
    pub(crate) fn read() -> Self {
        Self::parse(&fs::read_to_string("/proc/cmdline").unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let mut result = Self {
            scenario: "smoke".into(),
            seed: 1,
            args: BTreeMap::new(),
        };
        for word in text.split_whitespace() {
            let Some((key, value)) = word.split_once('=') else {
                continue;
            };
            match key {
                "spb.scenario" => result.scenario = value.into(),
                "spb.seed" => result.seed = value.parse().unwrap_or(1),
                _ => result.arg(key, value),
            }
        }
        result
    }

    fn arg(&mut self, key: &str, value: &str) {
        if let Some(key) = key.strip_prefix("spb.arg.") {
            self.args.insert(key.into(), value.into());
        }
    }

    /// The number given as `spb.arg.KEY=`, or `default`.
    pub(crate) fn number(&self, key: &str, default: u64) -> u64 {
        let value = self.args.get(key);
        value.and_then(|v| v.parse().ok()).unwrap_or(default)
    }

    /// The word given as `spb.arg.KEY=`, or `default`.
    pub(crate) fn text<'a>(&'a self, key: &str, default: &'a str) -> &'a str {
        self.args.get(key).map_or(default, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_sorted_into_scenario_seed_and_arguments() {
        let line =
            Cmdline::parse("console=ttyS0 quiet spb.scenario=run spb.seed=7 spb.arg.rounds=2");
        assert_eq!((line.scenario.as_str(), line.seed), ("run", 7));
        assert_eq!(line.number("rounds", 3), 2);
        assert_eq!(line.number("workers", 4), 4);
    }

    #[test]
    fn without_words_it_is_a_smoke_test() {
        let line = Cmdline::parse("");
        assert_eq!((line.scenario.as_str(), line.seed), ("smoke", 1));
    }
}
