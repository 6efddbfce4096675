// SPDX-License-Identifier: GPL-2.0-only

//! Which values are compared, and which direction is better?

use crate::GuestRun;

/// Key of the row that shows [`GuestRun::seconds`].
pub const WALL_SECONDS: &str = "wall_seconds";

/// Which way a value improves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
    /// Shown, not judged.
    Neither,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The guest's key.
    pub key: &'static str,
    /// Which way it improves.
    pub better: Better,
    /// Judged only where the patched kernel did no more of this than stock: time for work done.
    pub work: Option<&'static str>,
}

const fn row(key: &'static str, better: Better) -> Row {
    Row {
        key,
        better,
        work: None,
    }
}

const fn timed(key: &'static str, work: &'static str) -> Row {
    Row {
        key,
        better: Better::Lower,
        work: Some(work),
    }
}

/// The rows in the order they are printed.
pub const ROWS: [Row; 40] = [
    row("memtotal_kb", Better::Neither),
    row("possible", Better::Neither),
    row("obtained", Better::Higher),
    row("yield", Better::Higher),
    row("live_kept", Better::Neither),
    row("boot_tainted", Better::Lower),
    row("tainted", Better::Lower),
    row("spread", Better::Lower),
    row("peak_nonmovable_mb", Better::Neither),
    timed("migrated", "obtained"),
    timed("reclaimed", "obtained"),
    row("migration_failed", Better::Neither),
    row("migration_cost", Better::Lower),
    timed("seconds_1g", "obtained"),
    row("asked_2m", Better::Neither),
    row("obtained_2m", Better::Higher),
    timed("seconds_2m", "obtained_2m"),
    row("anon_change", Better::Neither),
    row("cache_change", Better::Neither),
    row("swap_change", Better::Neither),
    row("pgscan", Better::Lower),
    row("allocstall", Better::Lower),
    row("oom_kill", Better::Lower),
    row("seconds_workload", Better::Lower),
    row("grow_ms_1", Better::Neither),
    row("grow_ms_2", Better::Neither),
    row("grow_migrated", Better::Neither),
    row("room_asked", Better::Neither),
    row("room_made", Better::Neither),
    row("room_left", Better::Neither),
    row("pipe_write_median_us", Better::Lower),
    row("pipe_write_p999_us", Better::Lower),
    row("pipe_write_worst_us", Better::Neither),
    row("rounds_allocstall", Better::Lower),
    row("rounds_pgscan_direct", Better::Lower),
    row("rounds_pgscan_kswapd", Better::Lower),
    row("rounds_compact_stall", Better::Lower),
    row("rounds_pageoutrun", Better::Lower),
    row("seconds_total", Better::Neither),
    row(WALL_SECONDS, Better::Neither),
];

impl Row {
    /// Patched divided by stock, where both are numbers and stock is not 0.
    pub fn ratio(&self, stock: &GuestRun, patched: &GuestRun) -> Option<f64> {
        let base = stock.number(self.key)?;
        let new = patched.number(self.key)?;
        (base != 0.0).then(|| new / base)
    }

    /// Tells whether the patched kernel did worse than stock.
    ///
    /// A value that one of the two did not print is not judged.
    pub fn worse(&self, stock: &GuestRun, patched: &GuestRun) -> bool {
        let (Some(base), Some(new)) = (stock.number(self.key), patched.number(self.key)) else {
            return false;
        };
        if self.did_more(stock, patched) {
            return false;
        }
        match self.better {
            Better::Higher => new < base,
            Better::Lower => new > base,
            Better::Neither => false,
        }
    }

    fn did_more(&self, stock: &GuestRun, patched: &GuestRun) -> bool {
        let Some(work) = self.work else { return false };
        patched.number(work) > stock.number(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(values: &[(&str, &str)]) -> GuestRun {
        let pair = |(k, v): &(&str, &str)| (k.to_string(), v.to_string());
        GuestRun {
            values: values.iter().map(pair).collect(),
            ..GuestRun::default()
        }
    }

    fn find(key: &str) -> Row {
        *ROWS.iter().find(|r| r.key == key).unwrap()
    }

    #[test]
    fn direction_decides_what_is_worse() {
        let (one, two) = (
            run(&[("spread", "1"), ("obtained", "1")]),
            run(&[("spread", "2"), ("obtained", "2")]),
        );
        assert!(find("spread").worse(&one, &two));
        assert!(!find("spread").worse(&two, &one));
        assert!(find("obtained").worse(&two, &one));
        assert!(!find("obtained").worse(&one, &one));
    }

    #[test]
    fn more_time_for_more_pages_is_not_worse() {
        let stock = run(&[("obtained", "0"), ("seconds_1g", "1")]);
        let more = run(&[("obtained", "4"), ("seconds_1g", "2")]);
        let same = run(&[("obtained", "0"), ("seconds_1g", "2")]);
        assert!(!find("seconds_1g").worse(&stock, &more));
        assert!(find("seconds_1g").worse(&stock, &same));
    }

    #[test]
    fn missing_values_are_neither_compared_nor_divided() {
        let stock = run(&[("migration_cost", "-"), ("pgscan", "0")]);
        let patched = run(&[("migration_cost", "1.1"), ("pgscan", "5")]);
        assert!(!find("migration_cost").worse(&stock, &patched));
        assert_eq!(find("migration_cost").ratio(&stock, &patched), None);
        assert_eq!(find("pgscan").ratio(&stock, &patched), None);
        assert!(find("pgscan").worse(&stock, &patched));
    }
}
