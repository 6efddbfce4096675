// SPDX-License-Identifier: GPL-2.0-only
//! How do the configurations compare, row by row and class by class?

use std::collections::BTreeSet;

use anyhow::bail;
use anyhow::Result;
use serde::Serialize;

use crate::bench::counts::Counts;

/// The configurations; the first is what the others are compared with.
pub const NAMES: [&str; 3] = ["stock", "detached", "attached"];
/// Those that are compared, as indices into [`NAMES`].
pub const COMPARED: [usize; 2] = [1, 2];

/// Rows of one kind, which have one mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Served by per-CPU lists.
    PerCpu,
    /// More single pages than these keep.
    Bulk,
    /// Higher orders.
    High,
    /// Where something changes with every page.
    Edges,
    /// All of the above in fragmented memory.
    Fragmented,
    /// A type without free pages of its own.
    Fallback,
    /// What programs do.
    Paths,
}

/// All classes, in the order in which they are shown.
pub const CLASSES: [Class; 7] = [
    Class::PerCpu,
    Class::Bulk,
    Class::High,
    Class::Edges,
    Class::Fragmented,
    Class::Fallback,
    Class::Paths,
];

impl Class {
    /// Its key in files.
    pub fn key(self) -> &'static str {
        match self {
            Self::PerCpu => "per-cpu",
            Self::Bulk => "bulk",
            Self::High => "high",
            Self::Edges => "edges",
            Self::Fragmented => "fragmented",
            Self::Fallback => "fallback",
            Self::Paths => "paths",
        }
    }

    /// What it is called in text.
    pub fn title(self) -> &'static str {
        match self {
            Self::PerCpu => "per-CPU lists",
            Self::Bulk => "bulk",
            Self::High => "high orders",
            Self::Edges => "edges",
            Self::Fragmented => "fragmented memory",
            Self::Fallback => "fallback between types",
            Self::Paths => "whole paths",
        }
    }

    /// The class of the row `STATE.CLASS.ROW.OPERATION`.
    pub fn of(name: &str) -> Option<Self> {
        let mut words = name.split('.');
        let state = words.next()?;
        match (words.next()?, state) {
            ("paths", _) => Some(Self::Paths),
            ("fallback", _) => Some(Self::Fallback),
            (_, "fragmented") => Some(Self::Fragmented),
            ("percpu", _) => Some(Self::PerCpu),
            ("bulk", _) => Some(Self::Bulk),
            ("high", _) => Some(Self::High),
            ("edges", _) => Some(Self::Edges),
            _ => None,
        }
    }
}

/// One kind of operation in all configurations.
#[derive(Debug, Serialize)]
pub struct Row {
    /// `STATE.CLASS.ROW.OPERATION`.
    pub name: String,
    /// What it belongs to.
    pub class: Class,
    /// Operations that were measured together.
    pub operations: u64,
    /// Instructions that these took, in the order of [`NAMES`].
    pub instructions: [u64; 3],
    /// Instructions of one operation.
    pub each: [f64; 3],
}

impl Row {
    /// Instructions of a configuration as a multiple of stock's.
    pub fn ratio(&self, configuration: usize) -> f64 {
        self.each[configuration] / self.each[0]
    }
}

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub struct Ledger {
    /// Rows that some configuration's memory had no place for, by name.
    pub incomparable: Vec<String>,
    /// All others, by name.
    #[serde(rename = "row")]
    pub rows: Vec<Row>,
}

impl Ledger {
    /// Puts the counts of all configurations side by side.
    ///
    /// # Errors
    ///
    /// If a row is of no known class.
    pub fn new(counts: [Counts; 3]) -> Result<Self> {
        let names: BTreeSet<&String> = counts.iter().flat_map(Counts::keys).collect();
        let mut ledger = Self::default();
        for name in names {
            let Some(class) = Class::of(name) else {
                bail!("{name} is of no known class");
            };
            match counts.each_ref().map(|counts| counts.get(name)) {
                [Some(stock), Some(detached), Some(attached)] => {
                    let all = [stock, detached, attached];
                    ledger.rows.push(Row {
                        name: name.clone(),
                        class,
                        operations: stock.operations,
                        instructions: all.map(|count| count.least),
                        each: all.map(|count| count.each()),
                    });
                }
                _ => ledger.incomparable.push(name.clone()),
            }
        }
        Ok(ledger)
    }

    /// The rows of a class.
    pub fn of(&self, class: Class) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.class == class)
    }

    /// The geometric mean of a class's ratios; none without rows.
    pub fn mean(&self, class: Class, configuration: usize) -> Option<f64> {
        let logarithms: Vec<f64> = self
            .of(class)
            .map(|row| row.ratio(configuration).ln())
            .collect();
        match logarithms.len() {
            0 => None,
            count => Some((logarithms.iter().sum::<f64>() / count as f64).exp()),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::counts::Count;

    /// A ledger of rows with the instructions of one operation.
    pub fn ledger(rows: &[(&str, [u64; 3])]) -> Result<Ledger> {
        let of = |index: usize| {
            let count = |least| Count {
                operations: 1,
                least,
            };
            rows.iter()
                .map(|(name, each)| (name.to_string(), count(each[index])))
                .collect()
        };
        Ledger::new([of(0), of(1), of(2)])
    }

    #[test]
    fn rows_find_their_class() {
        let class = |name| Class::of(name);
        assert_eq!(class("fresh.percpu.repeat.pair"), Some(Class::PerCpu));
        assert_eq!(
            class("fragmented.bulk.random.free"),
            Some(Class::Fragmented)
        );
        assert_eq!(class("fragmented.paths.fork.exit"), Some(Class::Paths));
        assert_eq!(
            class("fresh.fallback.unmovable.alloc"),
            Some(Class::Fallback)
        );
        assert_eq!(class("fresh.other.x.y"), None);
    }

    #[test]
    fn means_are_geometric() -> Result<()> {
        let ledger = ledger(&[
            ("fresh.bulk.a.alloc", [100, 100, 200]),
            ("fresh.bulk.b.alloc", [100, 100, 50]),
        ])?;
        let mean = |configuration| ledger.mean(Class::Bulk, configuration);
        assert!(mean(2).is_some_and(|mean| (mean - 1.0).abs() < 1e-9));
        assert_eq!(mean(1), Some(1.0));
        assert_eq!(ledger.mean(Class::High, 1), None);
        Ok(())
    }

    #[test]
    fn a_row_that_one_kernel_lacks_is_set_apart() -> Result<()> {
        let count = Count {
            operations: 1,
            least: 1,
        };
        let all = || Counts::from([("fresh.bulk.a.alloc".to_string(), count)]);
        let ledger = Ledger::new([all(), Counts::new(), all()])?;
        assert!(ledger.rows.is_empty());
        assert_eq!(ledger.incomparable, ["fresh.bulk.a.alloc"]);
        let unknown = || Counts::from([("fresh.a.b.c".to_string(), count)]);
        assert!(Ledger::new([unknown(), unknown(), unknown()]).is_err());
        Ok(())
    }
}
