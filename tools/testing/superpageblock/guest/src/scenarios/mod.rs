// SPDX-License-Identifier: GPL-2.0-only

//! Which scenarios are there?
//!
//! - [`smoke`]: the guest boots and its memory is as expected;
//! - [`run`]: fragment memory, then ask for huge pages and measure ([`measure`], [`request`]);
//! - [`allmem`]: nearly all memory is allocated and freed;
//! - [`hugetlb`]: 1 GB pages come, are used and go on an idle machine;
//! - [`badinput`]: writes to read-only debugfs files are refused;
//! - [`readers`]: everything that walks free lists agrees, memory goes offline and online ([`offline`]).
//!
//! `shell` is an interactive shell, if the initramfs has one.

mod allmem;
mod badinput;
mod hugetlb;
mod measure;
mod offline;
mod readers;
mod request;
mod run;
mod smoke;

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::cmdline::Cmdline;
use crate::protocol;
use crate::Result;

/// Runs the scenario the command line names.
pub(crate) fn run(cmdline: &Cmdline) -> Result<()> {
    let name = cmdline.scenario.as_str();
    protocol::metric("scenario", name);
    protocol::metric("seed", cmdline.seed);
    match name {
        "smoke" => smoke::run(),
        "run" => run::run(cmdline),
        "allmem" => allmem::run(),
        "hugetlb" => hugetlb::run(),
        "badinput" => badinput::run(),
        "readers" => readers::run(),
        "shell" => shell(),
        _ => Err(format!("no scenario is named {name}").into()),
    }
}

/// Becomes a shell; returns only if that fails.
fn shell() -> Result<()> {
    let error = Command::new("/bin/busybox").arg("sh").exec();
    Err(format!("/bin/busybox: {error}").into())
}
