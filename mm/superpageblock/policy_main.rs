// SPDX-License-Identifier: GPL-2.0-only

//! Superpageblocks: the placement policy of the page allocator.
//!
//! - `policy`: the decisions. Pure, also compiled and tested on the host.
//! - `state`: what a zone's decisions need, and who may touch it.
//! - `worker`: who evacuates tainted blocks in the background.
//! - `ffi`: the functions that C calls.

mod ffi;
mod policy;
mod state;
mod worker;

/// Prefix of the lines this crate prints; `module!` would define it.
const __LOG_PREFIX: &[u8] = b"superpageblock\0";
