// SPDX-License-Identifier: GPL-2.0-only

//! How do page cache and inodes come and go that a control group may have little of at a time?

use std::fs;
use std::path::Path;

use crate::rng::Rng;
use crate::sys::files;
use crate::sys::mounts;
use crate::workload::cache::Cache;
use crate::workload::dentries::Dentries;
use crate::workload::Kind;
use crate::Result;

const ROOT: &str = "/sys/fs/cgroup";
const GROUP: &str = "/sys/fs/cgroup/limited";
/// One in so many steps makes a directory full of empty files, the others one file with contents.
const NAMES: u64 = 2;

/// Files that are written, and for the most part fall out of the cache at once.
pub(super) struct Limited {
    /// Whether this process is in the group: only while these files grow.
    inside: bool,
    cache: Cache,
    names: Dentries,
}

impl Limited {
    /// Makes a group that may have so many bytes.
    pub(super) fn new(limit: u64) -> Result<Self> {
        files::write(format!("{ROOT}/cgroup.subtree_control"), "+memory")?;
        fs::create_dir_all(GROUP)?;
        files::write(format!("{GROUP}/memory.max"), &limit.to_string())?;
        Ok(Self {
            inside: false,
            cache: Cache::new(Path::new(mounts::DISK).join("cache"))?,
            names: Dentries::new(Path::new(mounts::DISK).join("names"))?,
        })
    }

    fn move_to(&mut self, inside: bool) -> Result<()> {
        if self.inside != inside {
            let group = if inside { GROUP } else { ROOT };
            files::write(format!("{group}/cgroup.procs"), "0")?;
            self.inside = inside;
        }
        Ok(())
    }
}

impl Kind for Limited {
    fn name(&self) -> &'static str {
        "files of a control group"
    }

    fn held(&self) -> u64 {
        self.cache.held() + self.names.held()
    }

    fn grow(&mut self, rng: &mut Rng) -> Result<()> {
        self.move_to(true)?;
        match rng.below(NAMES) {
            0 => self.names.grow(rng),
            _ => self.cache.grow(rng),
        }
    }

    fn shrink(&mut self, rng: &mut Rng) {
        // It can always go back.
        let _ = self.move_to(false);
        let names = self.names.held() > self.cache.held();
        match names {
            true => self.names.shrink(rng),
            false => self.cache.shrink(rng),
        }
    }
}
