// SPDX-License-Identifier: GPL-2.0-only

//! What does a decision of the placement policy cost, and does that grow with memory?
//!
//! The policy's own files are compiled here unchanged. Costs are instructions,
//! counted by valgrind: unlike time, they are the same on every run.
//!
//! - [`place`]: where a zone of any size is kept;
//! - `finder`: what two ways of finding a block have in common;
//! - `segregated`: the policy's index, that way;
//! - [`bits`], `bitmap`: the other way: bitmaps over blocks, and their intersection;
//! - [`agreement`]: whether both find blocks that are alike;
//! - `picks`, `moves`, `plans`, `updates`, `stale`, `walks`: what is measured;
//! - [`cases`]: the list of it, and what of it may grow;
//! - [`callgrind`][]: counting;
//! - [`ledger`]: the counts as a table, and the judgement.
//!
//! The tests are in a directory of their own: compiled as a test, this crate would run those
//! of the policy once more.

#![deny(unsafe_code)]

// What only the kernel's tests use is dead code here.
#[allow(dead_code)]
#[path = "../../../../../mm/superpageblock/policy/mod.rs"]
mod policy;

pub mod agreement;
mod bitmap;
pub mod bits;
pub mod callgrind;
pub mod cases;
mod finder;
pub mod ledger;
mod moves;
mod picks;
pub mod place;
mod plans;
mod segregated;
mod stale;
mod updates;
mod walks;
