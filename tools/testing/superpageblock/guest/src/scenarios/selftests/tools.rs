// SPDX-License-Identifier: GPL-2.0-only

//! What do the tests expect around them?

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::sys::mounts;
use crate::Result;

/// Where tests find programs.
pub(crate) const PATH: &str = "/bin";

/// Puts a shell and the usual programs into [`PATH`], and goes where the tests are.
pub(crate) fn install() -> Result<()> {
    let disk = mounts::DISK;
    fs::create_dir_all(PATH)?;
    let busybox = format!("{disk}/bin/busybox");
    let done = Command::new(&busybox)
        .args(["--install", "-s", PATH])
        .status()
        .map_err(|error| format!("{busybox}: {error}"))?;
    if !done.success() {
        return Err(format!("{busybox} --install ended with {done}").into());
    }
    let shell = format!("{PATH}/bash");
    let _ = fs::remove_file(&shell);
    symlink(format!("{disk}/bin/bash"), shell)?;
    env::set_current_dir(format!("{disk}/mm"))?;
    Ok(())
}
