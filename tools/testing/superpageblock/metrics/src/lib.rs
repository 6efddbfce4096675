// SPDX-License-Identifier: GPL-2.0-only

//! What did the guests measure, and which kernel did better?
//!
//! - [`map`]: what a gigabyte block holds and the character that shows it;
//! - [`possible`]: how many 1 GB pages a perfect allocator could hand out, and how far taint spread;
//! - [`cost`]: what one 1 GB page cost in migrated pages;
//! - [`rows`]: which values are compared, and which direction is better;
//! - [`report`]: the side-by-side text.
//!
//! Everything here is arithmetic on numbers a guest printed: no file, no clock, no kernel interface.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod cost;
pub mod map;
pub mod possible;
pub mod report;
pub mod rows;

use std::collections::BTreeMap;

pub use report::report;
pub use report::report_colored;

/// One guest run, as the host tool collected it from the console.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GuestRun {
    /// Which kernel ran: `stock` and `patched` are compared, other names get a column of their own.
    pub kernel: String,
    /// The workload's seed; runs of equal seed are compared with each other.
    pub seed: u64,
    /// The `SPB: key=value` lines, later values replacing earlier ones.
    pub values: BTreeMap<String, String>,
    /// The `SPB-MAP name chars` lines in order of appearance: (name, one character per block).
    pub maps: Vec<(String, String)>,
    /// Wall-clock seconds from starting the virtual machine to its end.
    pub seconds: f64,
    /// Kernel warnings and oopses seen on the console, one line each.
    pub splats: Vec<String>,
}

impl GuestRun {
    /// Returns the value of `key` as a number.
    ///
    /// `None` when the guest did not print it or printed `-`.
    pub fn number(&self, key: &str) -> Option<f64> {
        if key == rows::WALL_SECONDS {
            return Some(self.seconds);
        }
        self.values.get(key)?.parse().ok()
    }

    /// Returns the value of `key` as text, or `-`.
    pub fn text(&self, key: &str) -> String {
        if key == rows::WALL_SECONDS {
            return format!("{:.1}", self.seconds);
        }
        self.values.get(key).cloned().unwrap_or_else(|| "-".into())
    }

    /// Tells whether anonymous memory, page cache and swap stayed as they were.
    ///
    /// A run that does not say counts as kept.
    pub fn live_kept(&self) -> bool {
        self.values.get("live_kept").is_none_or(|kept| kept != "no")
    }
}
