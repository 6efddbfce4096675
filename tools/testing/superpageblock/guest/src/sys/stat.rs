// SPDX-License-Identifier: GPL-2.0-only

//! What do `/proc/meminfo` and `/proc/vmstat` say?

use std::collections::BTreeMap;

use super::files;
use crate::Result;

/// Counters by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters(BTreeMap<String, u64>);

impl Counters {
    /// `/proc/meminfo`, in kilobytes.
    pub(crate) fn meminfo() -> Result<Self> {
        Ok(Self::parse(&files::read("/proc/meminfo")?))
    }

    /// `/proc/vmstat`, in events or pages.
    pub(crate) fn vmstat() -> Result<Self> {
        Ok(Self::parse(&files::read("/proc/vmstat")?))
    }

    /// A file of `name value` lines; nothing if it is not there.
    pub(crate) fn file(path: &str) -> Self {
        files::read(path).map_or_else(|_| Self::default(), |text| Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let pair = |line: &str| {
            let mut words = line.split_whitespace();
            let name = words.next()?.trim_end_matches(':').to_string();
            Some((name, words.next()?.parse().ok()?))
        };
        Self(text.lines().filter_map(pair).collect())
    }

    /// The counter of this name; 0 if the kernel has none.
    pub(crate) fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// The sum of the counters of these names.
    pub(crate) fn sum(&self, names: &[&str]) -> u64 {
        names.iter().map(|name| self.get(name)).sum()
    }

    /// The counters that start with `prefix`.
    pub(crate) fn starting<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        self.0
            .iter()
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), *value))
    }

    /// The sum of the counters that start with `prefix`.
    pub(crate) fn sum_starting(&self, prefix: &str) -> u64 {
        self.starting(prefix).map(|(_, value)| value).sum()
    }

    /// What was added since `earlier`; counters that fell count as 0.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let gain = |(name, value): (&String, &u64)| {
            (name.clone(), value.saturating_sub(earlier.get(name)))
        };
        Self(self.0.iter().map(gain).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_read_and_differences_taken() {
        let old = Counters::parse("MemFree:  100 kB\npgsteal_direct 3\npgsteal_kswapd 4\n");
        let new = Counters::parse("MemFree:  90 kB\npgsteal_direct 5\npgsteal_kswapd 4\n");
        assert_eq!(old.get("MemFree"), 100);
        assert_eq!(old.sum_starting("pgsteal_"), 7);
        let gain = new.since(&old);
        assert_eq!((gain.get("pgsteal_direct"), gain.get("MemFree")), (2, 0));
    }
}
