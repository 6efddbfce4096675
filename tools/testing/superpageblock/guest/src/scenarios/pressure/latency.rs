// SPDX-License-Identifier: GPL-2.0-only

//! How long did something take that was done many times?

use std::time::Duration;

use crate::protocol;

/// Names and places in a thousand.
const RANKS: [(&str, usize); 3] = [("median", 500), ("p999", 999), ("worst", 1000)];

/// Nanoseconds of each time.
#[derive(Default)]
pub(super) struct Latency(Vec<u64>);

impl Latency {
    /// Adds one.
    pub(super) fn add(&mut self, time: Duration) {
        self.0
            .push(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Prints microseconds as `NAME_median_us`, `NAME_p999_us` and `NAME_worst_us`.
    pub(super) fn print(&self, name: &str) {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        for (rank, permille) in RANKS {
            let time = ranked(&sorted, permille).map(|time| time as f64 / 1000.0);
            protocol::metric_or_dash(&format!("{name}_{rank}_us"), time);
        }
    }
}

/// The least of the sorted values that so many in a thousand do not exceed.
fn ranked(sorted: &[u64], permille: usize) -> Option<u64> {
    let rank = (sorted.len() * permille).div_ceil(1000);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_counted_from_the_least() {
        let sorted = Vec::from_iter(1..=2000);
        let values = RANKS.map(|(_, permille)| ranked(&sorted, permille));
        assert_eq!(values, [Some(1000), Some(1998), Some(2000)]);
    }

    #[test]
    fn few_values_have_ranks_and_none_has_none() {
        let values = RANKS.map(|(_, permille)| ranked(&[3, 4, 5], permille));
        assert_eq!(values, [Some(4), Some(5), Some(5)]);
        assert_eq!(ranked(&[], 500), None);
    }
}
