// SPDX-License-Identifier: GPL-2.0-only

//! How are persistent hugetlb pages asked for at run time?

use std::path::PathBuf;
use std::time::Instant;

use crate::sys::files;
use crate::Result;

/// A hugetlb page size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// 1 GB.
    Giga,
    /// 2 MB.
    TwoMega,
}

/// What a request brought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// Pages the pool has afterwards.
    pub(crate) obtained: u64,
    /// Seconds the request took.
    pub(crate) seconds: f64,
}

impl Size {
    /// Tells whether this kernel and CPU have the size.
    pub(crate) fn exists(self) -> bool {
        self.file("nr_hugepages").exists()
    }

    /// Sets the pool to `count` pages and reads back how many there are.
    pub(crate) fn request(self, count: u64) -> Result<Outcome> {
        let start = Instant::now();
        files::write(self.file("nr_hugepages"), &count.to_string())?;
        Ok(Outcome {
            seconds: start.elapsed().as_secs_f64(),
            obtained: self.count()?,
        })
    }

    /// Pages in the pool.
    pub(crate) fn count(self) -> Result<u64> {
        files::read_number(self.file("nr_hugepages"))
    }

    /// Pages in the pool that nobody uses.
    pub(crate) fn unused(self) -> Result<u64> {
        files::read_number(self.file("free_hugepages"))
    }

    fn file(self, name: &str) -> PathBuf {
        let kilobytes = match self {
            Size::Giga => 1048576,
            Size::TwoMega => 2048,
        };
        format!("/sys/kernel/mm/hugepages/hugepages-{kilobytes}kB/{name}").into()
    }
}
