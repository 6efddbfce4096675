// SPDX-License-Identifier: GPL-2.0-only
//! How does a person look around in a guest?

use std::time::Duration;

use anyhow::Context;
use anyhow::Result;

use crate::initramfs;
use crate::kernel::Variant;
use crate::memory;
use crate::memory::Mib;
use crate::qemu::Guest;
use crate::session::Session;

/// Boots `variant` with a shell on this terminal.
pub fn run(session: &mut Session, variant: Variant, memory: Option<Mib>) -> Result<()> {
    let kernel = session.build(variant)?;
    session.unlock();
    let memory = match memory {
        Some(memory) => memory,
        None => memory::available()?.whole().min(Mib::gib(4)),
    };
    memory.check()?;
    let guest = Guest {
        name: "shell".to_string(),
        kernel,
        initramfs: initramfs::shell(&session.project)?,
        memory,
        cpus: 2,
        nodes: 1,
        maxmem: None,
        cmdline: "quiet".to_string(),
        disks: Vec::new(),
        extra: Vec::new(),
        timeout: Duration::MAX,
    };
    println!("{} kernel, {memory}; Ctrl-A x ends it", variant.name());
    let mut qemu = guest.command(session.accel);
    qemu.args(["-serial", "mon:stdio"])
        .status()
        .context("cannot run qemu-system-x86_64")?;
    Ok(())
}
