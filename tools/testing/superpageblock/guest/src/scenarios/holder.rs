// SPDX-License-Identifier: GPL-2.0-only

//! How are pages held that user space cannot ask for?
//!
//! By the kernel module `page_holder`: a file for each kind of request says how many pages it holds.

use std::path::Path;

use crate::sys::files;
use crate::sys::module;
use crate::Result;

const MODULE: &str = "page_holder";
const DIR: &str = "/sys/kernel/debug/page_holder";

/// A kind of request, as in the module's table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    name: &'static str,
    /// Pages that one request is for.
    pub(super) pages: u64,
}

/// What fills memory, down to the least watermark.
pub(super) const FILLER: Kind = Kind {
    name: "filler",
    pages: 1 << 10,
};
/// High-order atomic requests.
pub(super) const ATOMIC: Kind = Kind {
    name: "atomic",
    pages: 1 << 4,
};
/// Requests that are refused only after everything was tried.
pub(super) const PATIENT: Kind = Kind {
    name: "patient",
    pages: 1,
};

/// Requests that cannot wait, for as little as there is.
pub(super) const PACKET: Kind = Kind {
    name: "packet",
    pages: 1,
};

/// The module, inserted.
#[derive(Debug)]
pub(super) struct Holder(());

impl Holder {
    /// Inserts it; it will hold memory of one node.
    pub(super) fn insert(node: u64) -> Result<Self> {
        module::load(format!("/lib/{MODULE}.ko"), &format!("node={node}"))
            .map_err(|error| format!("insmod {MODULE}: {error}"))?;
        Ok(Self(()))
    }

    /// Removes it; what it holds becomes free.
    pub(super) fn remove(self) -> Result<()> {
        module::unload(MODULE).map_err(|error| format!("rmmod {MODULE}: {error}").into())
    }

    /// Requests more of a kind, or gives some back, until `count` are held; fails if a request does.
    pub(super) fn hold(&self, kind: Kind, count: u64) -> Result<()> {
        match self.hold_at_most(kind, count)? {
            held if held == count => Ok(()),
            held => Err(format!("{held} of {count} {} requests are served", kind.name).into()),
        }
    }

    /// The same, but a request that fails is the last; returns how many are held.
    pub(super) fn hold_at_most(&self, kind: Kind, count: u64) -> Result<u64> {
        let file = Path::new(DIR).join(kind.name);
        files::write(&file, &count.to_string())?;
        files::read_number(&file)
    }
}
