// SPDX-License-Identifier: GPL-2.0-only
//! Is a figure worse than it was?
//!
//! Instructions depend on the compiler, so each set of tools has ratios of its own. With tools that are not
//! listed only the means of the classes are compared, with limits that hold for all.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use serde::Deserialize;
use serde::Serialize;

use crate::bench::ledger::Class;
use crate::bench::ledger::Ledger;
use crate::bench::ledger::Row;
use crate::bench::ledger::CLASSES;
use crate::bench::ledger::COMPARED;
use crate::bench::ledger::NAMES;

/// Where the reference is, below the tools.
pub const FILE: &str = "bench/reference.toml";

const HEADER: &str = "\
# SPDX-License-Identifier: GPL-2.0-only
#
# Instructions of an operation as multiples of stock's, written by
# `make bench UPDATE=1`. `make test` fails where one has become worse by more than
# `tolerance`: single pages on a fresh machine. The others depend on what happens to
# be free, and so on the size of a kernel's image; for them it is `rough`, and one is
# worse only if it is so on fresh and in fragmented memory. With tools that have no
# entry here, the geometric mean of each class must not exceed its limit.

";

/// Share by which a ratio may exceed its reference where the file has no other.
const TOLERANCE: f64 = 0.01;
/// The same for rows that depend on what happens to be free.
const ROUGH: f64 = 0.1;
/// What a new limit leaves for other compilers.
const ROOM: f64 = 1.05;

/// Ratios by row or class, of one configuration.
type Ratios = BTreeMap<String, f64>;

/// What was measured before.
#[derive(Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    tolerance: f64,
    rough: f64,
    /// By configuration: the most that the mean of a class may be.
    limits: BTreeMap<String, Ratios>,
    #[serde(default)]
    measured: Vec<Measured>,
}

/// With one set of tools.
#[derive(Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Measured {
    tools: String,
    /// By configuration, then by row.
    ratios: BTreeMap<String, Ratios>,
}

/// What is to be said about a class of rows in one configuration.
#[derive(Debug)]
pub struct Verdict {
    /// Name of the case.
    pub name: String,
    /// What is worse than it was.
    pub worse: Vec<String>,
}

impl Verdict {
    /// As the result of a case.
    pub fn outcome(&self) -> Result<()> {
        match self.worse.is_empty() {
            true => Ok(()),
            false => bail!("{}", self.worse.join("; ")),
        }
    }
}

impl Reference {
    /// Reads the file; without one, nothing is known.
    pub fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::empty());
        }
        let text = fs::read_to_string(path)?;
        toml::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    fn empty() -> Self {
        Self {
            tolerance: TOLERANCE,
            rough: ROUGH,
            limits: BTreeMap::new(),
            measured: Vec::new(),
        }
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> Result<()> {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let text = format!("{HEADER}{}", toml::to_string(self)?);
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// What a ledger made with `tools` is compared with.
    pub fn describe(&self, tools: &str) -> String {
        match self.of(tools) {
            Some(_) => "compared row by row: the reference has these tools".to_string(),
            None => format!("compared by class: the reference has not seen {tools}"),
        }
    }

    /// Takes the ratios of a ledger; limits only where there was none.
    pub fn update(&mut self, tools: &str, ledger: &Ledger) {
        self.measured.retain(|measured| measured.tools != tools);
        let mut ratios = BTreeMap::new();
        for configuration in COMPARED {
            let name = NAMES[configuration].to_string();
            let of = |row: &Row| (row.name.clone(), rounded(row.ratio(configuration)));
            ratios.insert(name.clone(), ledger.rows.iter().map(of).collect());
            let limits = self.limits.entry(name).or_default();
            for class in CLASSES {
                if let Some(mean) = ledger.mean(class, configuration) {
                    let limit = (mean.max(1.0) * ROOM * 100.0).ceil() / 100.0;
                    limits.entry(class.key().to_string()).or_insert(limit);
                }
            }
        }
        self.measured.push(Measured {
            tools: tools.to_string(),
            ratios,
        });
    }

    /// Compares each class in each configuration.
    pub fn judge(&self, tools: &str, ledger: &Ledger) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for class in CLASSES {
            for configuration in COMPARED {
                let worse = match self.of(tools) {
                    Some(known) => self.rows(known, ledger, class, configuration),
                    None => self.mean(ledger, class, configuration),
                };
                verdicts.push(Verdict {
                    name: format!("instructions, {}: {}", NAMES[configuration], class.title()),
                    worse,
                });
            }
        }
        verdicts
    }

    fn of(&self, tools: &str) -> Option<&Measured> {
        self.measured
            .iter()
            .find(|measured| measured.tools == tools)
    }

    /// The rows of a class that are worse than they were.
    fn rows(
        &self,
        known: &Measured,
        ledger: &Ledger,
        class: Class,
        configuration: usize,
    ) -> Vec<String> {
        let none = Ratios::new();
        let before = known.ratios.get(NAMES[configuration]).unwrap_or(&none);
        let is_rough = |row: &Row| {
            let steady = matches!(class, Class::PerCpu | Class::Bulk);
            !steady || row.name.starts_with("fragmented.")
        };
        let complaint = |row: &Row| {
            let now = row.ratio(configuration);
            let rough = is_rough(row);
            let tolerance = if rough { self.rough } else { self.tolerance };
            match before.get(&row.name) {
                // Not every workload leaves what each row needs.
                None if rough => None,
                None => Some(format!(
                    "{} has no reference: run make bench UPDATE=1",
                    row.name
                )),
                Some(ratio) if now <= ratio * (1.0 + tolerance) => None,
                Some(ratio) => Some(format!("{} is {now:.4} of stock, was {ratio:.4}", row.name)),
            }
        };
        // Whether a large page has to be split for a row depends on where free memory begins.
        let by_chance = |row: &&Row| {
            let twin = twin(&row.name);
            let twin = ledger.rows.iter().find(|other| other.name == twin);
            let fine = |twin: &Row| before.contains_key(&twin.name) && complaint(twin).is_none();
            is_rough(row) && twin.is_some_and(fine)
        };
        let rows = ledger.of(class).filter(|row| !by_chance(row));
        rows.filter_map(complaint).collect()
    }

    /// What is wrong with the mean of a class.
    fn mean(&self, ledger: &Ledger, class: Class, configuration: usize) -> Vec<String> {
        let Some(mean) = ledger.mean(class, configuration) else {
            return Vec::new();
        };
        let limits = self.limits.get(NAMES[configuration]);
        match limits.and_then(|limits| limits.get(class.key())) {
            None => vec!["there is no limit: run make bench UPDATE=1".to_string()],
            Some(limit) if mean <= *limit => Vec::new(),
            Some(limit) => vec![format!(
                "mean is {mean:.4} of stock, at most {limit} is allowed"
            )],
        }
    }
}

/// The same row in the other state of memory.
fn twin(name: &str) -> String {
    match name.split_once('.') {
        Some(("fresh", row)) => format!("fragmented.{row}"),
        Some(("fragmented", row)) => format!("fresh.{row}"),
        _ => String::new(),
    }
}

/// To four places: a quarter of what a tolerance of a percent needs is plenty.
fn rounded(ratio: f64) -> f64 {
    (ratio * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::ledger::tests::ledger;

    fn with(attached: u64) -> Result<Ledger> {
        ledger(&[("fresh.bulk.a.alloc", [10_000, 10_000, attached])])
    }

    fn worse(reference: &Reference, tools: &str, attached: u64) -> Result<usize> {
        let verdicts = reference.judge(tools, &with(attached)?);
        Ok(verdicts.iter().filter(|v| v.outcome().is_err()).count())
    }

    #[test]
    fn a_row_may_get_worse_by_the_tolerance_and_better_by_anything() -> Result<()> {
        let mut reference = Reference::empty();
        reference.update("cc", &with(12_000)?);
        assert_eq!(worse(&reference, "cc", 12_000)?, 0);
        assert_eq!(worse(&reference, "cc", 12_119)?, 0);
        assert_eq!(worse(&reference, "cc", 12_125)?, 1);
        assert_eq!(worse(&reference, "cc", 5_000)?, 0);
        Ok(())
    }

    #[test]
    fn other_tools_are_judged_by_the_limits_of_classes() -> Result<()> {
        let mut reference = Reference::empty();
        assert_eq!(worse(&reference, "other", 10_000)?, 2);
        reference.update("cc", &with(12_000)?);
        assert_eq!(worse(&reference, "other", 12_500)?, 0);
        assert_eq!(worse(&reference, "other", 12_700)?, 1);
        Ok(())
    }

    #[test]
    fn what_a_workload_leaves_behind_is_compared_roughly() -> Result<()> {
        let row = |attached| ledger(&[("fragmented.bulk.a.alloc", [10_000, 10_000, attached])]);
        let mut reference = Reference::empty();
        reference.update("cc", &row(10_000)?);
        let worse = |attached| -> Result<usize> {
            let verdicts = reference.judge("cc", &row(attached)?);
            Ok(verdicts.iter().filter(|v| v.outcome().is_err()).count())
        };
        assert_eq!((worse(10_900)?, worse(11_100)?), (0, 1));
        Ok(())
    }

    #[test]
    fn a_rough_row_is_worse_only_if_it_is_so_in_both_states() -> Result<()> {
        let rows = |fresh, fragmented| {
            ledger(&[
                ("fresh.high.a.alloc", [10_000, 10_000, fresh]),
                ("fragmented.high.a.alloc", [10_000, 10_000, fragmented]),
            ])
        };
        let mut reference = Reference::empty();
        reference.update("cc", &rows(10_000, 10_000)?);
        let worse = |fresh, fragmented| -> Result<usize> {
            let verdicts = reference.judge("cc", &rows(fresh, fragmented)?);
            Ok(verdicts.iter().map(|v| v.worse.len()).sum())
        };
        assert_eq!(worse(15_000, 10_900)?, 0);
        assert_eq!(worse(10_900, 15_000)?, 0);
        assert_eq!(worse(11_100, 11_100)?, 2);
        Ok(())
    }

    #[test]
    fn a_row_without_reference_is_found() -> Result<()> {
        let mut reference = Reference::empty();
        reference.update("cc", &ledger(&[("fresh.bulk.b.alloc", [1, 1, 1])])?);
        assert_eq!(worse(&reference, "cc", 10_000)?, 2);
        Ok(())
    }

    #[test]
    fn an_update_keeps_other_tools_and_limits_and_survives_the_file() -> Result<()> {
        let mut reference = Reference::empty();
        reference.update("cc 1", &with(12_000)?);
        reference.update("cc 2", &with(15_000)?);
        reference.update("cc 2", &with(11_000)?);
        assert_eq!(worse(&reference, "cc 1", 12_000)?, 0);
        assert_eq!(worse(&reference, "cc 2", 12_000)?, 1);
        assert_eq!(worse(&reference, "other", 12_500)?, 0);
        assert_eq!(worse(&reference, "other", 12_700)?, 1);
        let path = std::env::temp_dir().join(format!("superpageblock-{}.toml", std::process::id()));
        reference.write(&path)?;
        assert_eq!(Reference::read(&path)?, reference);
        fs::remove_file(&path)?;
        assert_eq!(Reference::read(&path)?, Reference::empty());
        Ok(())
    }
}
