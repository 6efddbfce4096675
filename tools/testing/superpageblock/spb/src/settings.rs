// SPDX-License-Identifier: GPL-2.0-only
//! What did the user set in the environment, as `make MEM=8G` does?

use std::env;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::anyhow;
use anyhow::Result;
use clap::ValueEnum;

use crate::kernel::Variant;
use crate::memory::Mib;
use crate::qemu::Accel;

/// The variables of `make help`; unset and empty are the same.
pub struct Settings {
    /// `KDIR`: another kernel tree.
    pub kdir: Option<PathBuf>,
    /// `J`: parallel jobs.
    pub jobs: Option<usize>,
    /// `MEM`: guest memory.
    pub memory: Option<Mib>,
    /// `SEEDS`: seeds of the workload.
    pub seeds: Vec<u64>,
    /// `ACCEL`: how guests run.
    pub accel: Option<Accel>,
    /// `KERNEL`: kernel of the interactive guest.
    pub kernel: Option<Variant>,
}

impl Settings {
    /// Reads all of them.
    pub fn read() -> Result<Self> {
        Ok(Self {
            kdir: text("KDIR").map(PathBuf::from),
            jobs: parsed("J")?,
            memory: parsed("MEM")?,
            seeds: seeds(text("SEEDS").as_deref().unwrap_or("1 2 3"))?,
            accel: named("ACCEL")?,
            kernel: named("KERNEL")?,
        })
    }
}

/// A variable; unset and empty are the same.
pub fn text(name: &str) -> Option<String> {
    env::var(name)
        .ok()
        .map(|value| value.trim().to_string())
        .filter(|value| !value.is_empty())
}

fn parsed<T>(name: &str) -> Result<Option<T>>
where
    T: FromStr,
    T::Err: Display,
{
    let value = text(name).map(|value| {
        value
            .parse()
            .map_err(|error| anyhow!("{name}={value}: {error}"))
    });
    value.transpose()
}

fn named<T: ValueEnum>(name: &str) -> Result<Option<T>> {
    let known = || {
        T::value_variants()
            .iter()
            .filter_map(ValueEnum::to_possible_value)
    };
    let names = || {
        known()
            .map(|value| value.get_name().to_string())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let value = text(name).map(|value| {
        T::from_str(&value, true).map_err(|_| anyhow!("{name}={value}: say one of {}", names()))
    });
    value.transpose()
}

fn seeds(text: &str) -> Result<Vec<u64>> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            word.parse()
                .map_err(|_| anyhow!("SEEDS: {word:?} is no number"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_separated_by_blanks_or_commas() {
        assert_eq!(seeds("1 2,3").ok(), Some(vec![1, 2, 3]));
        assert!(seeds("one").is_err());
    }
}
