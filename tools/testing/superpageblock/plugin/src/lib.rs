// SPDX-License-Identifier: GPL-2.0-only
//! What do the windows that a guest marks cost in cache misses, and which functions run in them?
//!
//! A plugin for QEMU's translator. A guest that counts instructions has one processor, so one of everything here.
//!
//! - [`cache`]: a model of two levels of data cache;
//! - [`mark`]: how a guest marks rows and windows;
//! - [`counts`]: what happened in the windows of a row;
//! - [`qemu`]: the interface of QEMU, and what it calls.
//!
//! Argument: `out=FILE`, where [`counts::Counts::report`] goes when the guest ends.

mod cache;
mod counts;
mod mark;
// The functions of QEMU are there only where QEMU loads this.
#[cfg(not(test))]
mod qemu;
