// SPDX-License-Identifier: GPL-2.0-only
//! How does a disk image get a file system?

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;

use crate::cmd;

/// Where Debian keeps such programs; not on everyone's `PATH`.
const SYSTEM: &str = "/usr/sbin:/sbin";

/// Makes a file system of this kind fill the image; an empty kind leaves it as it is.
pub fn fill(image: &Path, kind: &str) -> Result<()> {
    match kind {
        "" => Ok(()),
        kind => make(image, kind, &[]),
    }
}

/// Makes ext4 with the files below `root` fill the image.
pub fn fill_from(image: &Path, root: &Path) -> Result<()> {
    make(image, "ext4", &[OsStr::new("-d"), root.as_os_str()])
}

fn make(image: &Path, kind: &str, options: &[&OsStr]) -> Result<()> {
    let path = env::var("PATH").unwrap_or_default();
    let mut mkfs = Command::new("env");
    mkfs.arg(format!("PATH={path}:{SYSTEM}"))
        .arg(format!("mkfs.{kind}"))
        .arg("-q")
        .args(options)
        .arg(image);
    cmd::output(&mut mkfs)
        .map(drop)
        .with_context(|| format!("cannot make {kind} on {}", image.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_needs_no_program() {
        let nowhere = Path::new("/nonexistent/image");
        assert!(fill(nowhere, "").is_ok());
        assert!(fill(nowhere, "ext4").is_err());
    }
}
