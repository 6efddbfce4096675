// SPDX-License-Identifier: GPL-2.0-only

//! How are pseudo files read and written, with the path in every error?

use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use crate::Result;

/// The whole file as text.
pub(crate) fn read(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    fs::read_to_string(path).map_err(|e| format!("read {}: {e}", path.display()).into())
}

/// The file as one number.
pub(crate) fn read_number(path: impl AsRef<Path>) -> Result<u64> {
    let text = read(&path)?;
    let parsed = text.trim().parse();
    parsed.map_err(|e| format!("{}: {e}", path.as_ref().display()).into())
}

/// Writes `text` in one write to a file that exists; an error if a signal interrupts it.
pub(crate) fn write(path: impl AsRef<Path>, text: &str) -> Result<()> {
    let path = path.as_ref();
    let mut options = OpenOptions::new();
    let outcome = options
        .write(true)
        .open(path)
        .and_then(|mut file| file.write(text.as_bytes()))
        .and_then(|written| match written == text.len() {
            true => Ok(()),
            false => Err(io::Error::from(io::ErrorKind::WriteZero)),
        });
    outcome.map_err(|e| format!("write {text:?} to {}: {e}", path.display()).into())
}

/// The entries of a directory by name; none if it cannot be read.
pub(crate) fn entries(path: impl AsRef<Path>) -> Vec<PathBuf> {
    let Ok(dir) = fs::read_dir(path) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = dir.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
