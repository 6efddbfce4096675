// SPDX-License-Identifier: GPL-2.0-only
//! Where does the kernel source come from?

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;

use super::apt::PrivateApt;
use crate::cmd;
use crate::project::Project;

const PACKAGE: &str = "linux-source-7.2";

/// The unpacked kernel source; fetches it when it is not there yet.
pub fn ensure(project: &Project) -> Result<PathBuf> {
    let source = project.cache.join(PACKAGE);
    if source.join("Kbuild").exists() {
        return Ok(source);
    }
    cmd::step("fetching the kernel source", || fetch(project, &source))
        .context("cannot fetch the kernel source; point KDIR= at a 7.2 tree instead")?;
    Ok(source)
}

fn fetch(project: &Project, source: &PathBuf) -> Result<()> {
    let apt = PrivateApt::open(project.cache.join("apt"))?;
    let versions = apt.versions(PACKAGE)?;
    let newest = versions
        .first()
        .with_context(|| format!("the mirror has no {PACKAGE}"))?;
    let scratch = project.cache.join("unpack");
    let _ = fs::remove_dir_all(&scratch);
    apt.unpack(PACKAGE, newest, &scratch)?;
    println!("unpacking {PACKAGE} {newest}");
    let tarball = scratch.join("usr/src").join(format!("{PACKAGE}.tar.xz"));
    cmd::output(
        Command::new("tar")
            .arg("-xf")
            .arg(&tarball)
            .arg("-C")
            .arg(&scratch),
    )?;
    // The rename comes last: a source that exists is complete.
    fs::rename(scratch.join(PACKAGE), source)?;
    Ok(fs::remove_dir_all(&scratch)?)
}
