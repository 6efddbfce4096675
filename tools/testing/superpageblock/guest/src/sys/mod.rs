// SPDX-License-Identifier: GPL-2.0-only

//! How does the guest talk to the kernel?
//!
//! - [`files`]: pseudo files, with the path in every error;
//! - [`kmsg`]: the kernel's log;
//! - [`kexec`]: the kernel that starts after a panic;
//! - [`memory`], [`frames`]: anonymous mappings and where they lie;
//! - [`clock`]: time in instructions;
//! - [`cpu`]: where this process runs;
//! - [`memoryblocks`]: memory that goes offline and online;
//! - [`tty`]: the console;
//! - [`mounts`], [`power`]: what PID 1 must do;
//! - [`process`]: child processes;
//! - [`swap`]: swap space on a disk;
//! - [`ram`], [`stat`], [`zoneinfo`], [`buddyinfo`], [`pagetypeinfo`]: what there is of memory and what it is used for.

pub(crate) mod buddyinfo;
pub(crate) mod clock;
pub(crate) mod cpu;
pub(crate) mod files;
pub(crate) mod frames;
pub(crate) mod kexec;
pub(crate) mod kmsg;
pub(crate) mod memory;
pub(crate) mod memoryblocks;
pub(crate) mod module;
pub(crate) mod mounts;
pub(crate) mod pagetypeinfo;
pub(crate) mod power;
pub(crate) mod process;
pub(crate) mod ram;
pub(crate) mod stat;
pub(crate) mod swap;
pub(crate) mod tty;
pub(crate) mod zoneinfo;
