// SPDX-License-Identifier: GPL-2.0-only

//! How does the guest talk to the kernel?
//!
//! - [`files`]: pseudo files, with the path in every error;
//! - [`memory`]: anonymous mappings;
//! - [`mounts`], [`power`]: what PID 1 must do;
//! - [`process`]: child processes;
//! - [`ram`], [`stat`], [`zoneinfo`]: what there is of memory and what it is used for.

pub(crate) mod files;
pub(crate) mod memory;
pub(crate) mod mounts;
pub(crate) mod power;
pub(crate) mod process;
pub(crate) mod ram;
pub(crate) mod stat;
pub(crate) mod zoneinfo;
