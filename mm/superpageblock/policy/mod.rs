// SPDX-License-Identifier: GPL-2.0-only

//! The placement policy: which block serves a request, and by which means.
//!
//! Integers in, decisions out. Nothing here knows of pages, lists or locks, so
//! the same files are compiled into the kernel and into a host crate where they
//! are tested by the million. `Zone` is the only mutable state; whoever holds a
//! `&mut Zone` holds the zone's lock.
//!
//! - [`units`]: what must not be mixed up: block ids, types, orders, geometry.
//! - [`fullness`]: category and bucket of a block, with hysteresis.
//! - [`reserve`]: free memory that tainted blocks keep from movable requests.
//! - [`index`]: segregated lists that find a block in constant time.
//! - [`zone`]: the blocks of a zone, kept in the index as they change.
//! - [`request`]: what is asked for, and what its caller can tolerate.
//! - [`plan`]: the table of steps for each kind of request.
//! - [`contig`]: which block to empty for a gigabyte page.
//! - [`evacuate`]: which tainted block to move movable pages out of.
//! - [`worker`]: when the worker in the background stops and comes back.
//! - [`wire`]: results as the integers that cross into C.

#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

pub(crate) mod contig;
pub(crate) mod evacuate;
pub(crate) mod fullness;
pub(crate) mod index;
pub(crate) mod plan;
pub(crate) mod request;
pub(crate) mod reserve;
#[cfg(any(test, CONFIG_SUPERPAGEBLOCK_KUNIT_TEST))]
pub(crate) mod testing;
pub(crate) mod units;
pub(crate) mod wire;
pub(crate) mod worker;
pub(crate) mod zone;
