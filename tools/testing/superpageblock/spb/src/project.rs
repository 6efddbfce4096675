// SPDX-License-Identifier: GPL-2.0-only
//! Where is everything?

use std::env;
use std::path::Path;
use std::path::PathBuf;
use std::thread;

use anyhow::Context;
use anyhow::Result;

/// Place of the host tools, both in this repository and in a kernel tree.
pub const TOOLS: &str = "tools/testing/superpageblock";

/// The directories a command works in.
#[derive(Clone)]
pub struct Project {
    /// Root of this repository.
    pub root: PathBuf,
    /// What is fetched once per machine: sources, bindgen, compiler cache.
    pub cache: PathBuf,
    /// Another kernel tree to use as base.
    pub kdir: Option<PathBuf>,
    /// Parallel jobs of a kernel build.
    pub jobs: usize,
}

impl Project {
    /// Finds the repository around the current directory.
    pub fn find(kdir: Option<PathBuf>, jobs: Option<usize>) -> Result<Self> {
        let here = env::current_dir()?;
        let root = here
            .ancestors()
            .find(|dir| dir.join(TOOLS).join("configs").is_dir() && !dir.join("Kconfig").exists())
            .context("run this inside the superpageblock repository")?;
        Ok(Self {
            root: root.to_path_buf(),
            cache: cache_home()?.join("superpageblock"),
            kdir: kdir.filter(|dir| !dir.as_os_str().is_empty()),
            jobs: jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, |n| n.get())),
        })
    }

    /// A path below `build/`.
    pub fn build(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join("build").join(path)
    }

    /// A path below the host tools.
    pub fn tools(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(TOOLS).join(path)
    }
}

fn cache_home() -> Result<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set")
}
