// SPDX-License-Identifier: GPL-2.0-only

//! What fragments the guest's memory?
//!
//! Several processes grow six kinds of memory side by side until nearly all is used, then free most of
//! it at random, for some rounds. What stays lies scattered over the machine.
//!
//! - [`anon`], [`cache`]: memory that can move;
//! - [`pipes`], [`sockets`], [`dentries`], [`tables`]: memory that cannot;
//! - [`plan`]: how much of each;
//! - [`worker`]: one process; [`crew`]: all of them, as seen from PID 1;
//! - [`forker`]: a process that only forks.

pub(crate) mod anon;
pub(crate) mod cache;
pub(crate) mod crew;
pub(crate) mod dentries;
pub(crate) mod forker;
pub(crate) mod pipes;
pub(crate) mod plan;
pub(crate) mod sockets;
pub(crate) mod tables;
pub(crate) mod worker;

use crate::rng::Rng;
use crate::Result;

/// One kind of memory a worker holds.
pub(crate) trait Kind {
    /// For messages.
    fn name(&self) -> &'static str;

    /// Bytes held, as far as the worker can tell.
    fn held(&self) -> u64;

    /// Takes a little more: at most a few megabytes.
    fn grow(&mut self, rng: &mut Rng) -> Result<()>;

    /// Frees something at random; what is held must not stay the same unless it is 0.
    fn shrink(&mut self, rng: &mut Rng);
}
