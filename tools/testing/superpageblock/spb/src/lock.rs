// SPDX-License-Identifier: GPL-2.0-only
//! How do two commands share one build directory?

use std::fs;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;

/// Held while trees are laid out and kernels are built; released on drop.
pub struct Lock(PathBuf);

impl Lock {
    /// Waits until no other living process holds the lock.
    pub fn take(path: PathBuf) -> Result<Self> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        let mut told = false;
        loop {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut file) => {
                    write!(file, "{}", process::id())?;
                    return Ok(Self(path));
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot write {}", path.display()))
                }
            }
            let owner = fs::read_to_string(&path).unwrap_or_default();
            if !owner.is_empty() && !Path::new("/proc").join(&owner).exists() {
                let _ = fs::remove_file(&path);
                continue;
            }
            if !told {
                println!("waiting for process {owner}, which is building");
                told = true;
            }
            thread::sleep(Duration::from_millis(500));
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
