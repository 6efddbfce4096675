// SPDX-License-Identifier: GPL-2.0-only
//! Where does the front of the C compiler come from?

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;

use crate::cmd;
use crate::fingerprint::Fingerprint;
use crate::overlay;
use crate::project::Project;

/// Builds the crate `kcc`. Another version of it, or of the headers it is for, has another path, so that whatever was
/// compiled by way of it is compiled again.
pub fn ensure(project: &Project) -> Result<PathBuf> {
    let mut version = Fingerprint::default();
    for file in overlay::below(&project.tools("kcc"), "")? {
        version.add(file.path).add(fs::read(file.from)?);
    }
    let path = project.build("kcc").join(version.hex()).join("kcc");
    if path.exists() {
        return Ok(path);
    }
    let mut cargo = cmd::nice("cargo");
    cargo
        .args(["build", "-q", "--release", "--locked", "-p", "kcc"])
        .arg("--manifest-path")
        .arg(project.tools("Cargo.toml"))
        .env("CARGO_TARGET_DIR", project.build("cargo"));
    cmd::output(&mut cargo)?;
    let dir = path.parent().context("no directory for kcc")?;
    fs::create_dir_all(dir)?;
    fs::copy(project.build("cargo/release/kcc"), &path)?;
    Ok(path)
}
