// SPDX-License-Identifier: GPL-2.0-only
//! Has anything changed since the last time?

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::Hash;
use std::hash::Hasher;
use std::path::Path;

use anyhow::Result;

/// Hash over everything a result depends on.
#[derive(Default)]
pub struct Fingerprint(DefaultHasher);

impl Fingerprint {
    /// Adds a value.
    pub fn add(&mut self, value: impl Hash) -> &mut Self {
        value.hash(&mut self.0);
        self
    }

    /// The hash, in hexadecimal.
    pub fn hex(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

/// Whether `stamp` holds `value`.
pub fn matches(stamp: &Path, value: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|text| text == value)
}

/// Writes `value` into `stamp`.
pub fn write(stamp: &Path, value: &str) -> Result<()> {
    if let Some(dir) = stamp.parent() {
        fs::create_dir_all(dir)?;
    }
    Ok(fs::write(stamp, value)?)
}
