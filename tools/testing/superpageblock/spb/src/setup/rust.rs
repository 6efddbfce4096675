// SPDX-License-Identifier: GPL-2.0-only
//! Where do the standard library's source and bindgen come from?

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;

use super::apt::PrivateApt;
use crate::cmd;
use crate::project::Project;

/// Generates bindings for 7.2 without surprises; newer ones are not tried.
const BINDGEN: &str = "0.72.1";

/// What takes time when it runs is optimised; optimising the rest takes longer than it ever runs.
const PROFILE: [&str; 5] = [
    "profile.release.opt-level=0",
    "profile.release.package.bindgen.opt-level=2",
    "profile.release.package.prettyplease.opt-level=2",
    "profile.release.package.proc-macro2.opt-level=2",
    "profile.release.package.quote.opt-level=2",
];

/// `library` directory of the standard library's source of exactly this rustc.
pub fn library(project: &Project, rustc: &str) -> Result<PathBuf> {
    let sysroot = cmd::output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let installed = Path::new(&sysroot).join("lib/rustlib/src/rust/library");
    if installed.join("core").is_dir() {
        return Ok(installed);
    }
    let version = rustc
        .split_whitespace()
        .nth(1)
        .context("rustc does not tell its version")?;
    let unpacked = project.cache.join(format!("rust-src-{version}"));
    let library = unpacked.join(format!("usr/src/rustc-{version}/library"));
    if !library.join("core").is_dir() {
        cmd::step("fetching the Rust standard library's source", || {
            fetch(project, version, &unpacked)
        })
        .with_context(|| {
            format!("no rust-src for {version}; try: rustup component add rust-src")
        })?;
    }
    Ok(library)
}

fn fetch(project: &Project, version: &str, unpacked: &Path) -> Result<()> {
    let apt = PrivateApt::open(project.cache.join("apt"))?;
    let versions = apt.versions("rust-src")?;
    let wanted = versions
        .iter()
        .find(|candidate| candidate.split(['+', '-', '~']).next() == Some(version))
        .context("the mirror has other versions only")?;
    let scratch = project.cache.join("unpack-rust");
    let _ = fs::remove_dir_all(&scratch);
    apt.unpack("rust-src", wanted, &scratch)?;
    let _ = fs::remove_dir_all(unpacked);
    Ok(fs::rename(&scratch, unpacked)?)
}

/// The bindings generator: a fitting one on PATH, or one built into the cache.
pub fn bindgen(project: &Project) -> Result<PathBuf> {
    let root = project.cache.join(format!("bindgen-{BINDGEN}"));
    let program = root.join("bin/bindgen");
    if program.exists() {
        return Ok(program);
    }
    let on_path = cmd::output(Command::new("bindgen").arg("--version")).unwrap_or_default();
    if on_path.starts_with("bindgen 0.72.") {
        return Ok(PathBuf::from("bindgen"));
    }
    let mut install = Command::new("cargo");
    install
        .arg("install")
        .args(PROFILE.iter().flat_map(|option| ["--config", option]))
        .args(["--locked", "bindgen-cli", "--version", BINDGEN, "--root"])
        .arg(&root)
        .arg("--target-dir")
        .arg(project.cache.join("bindgen-build"))
        .env_remove("RUSTFLAGS");
    let log = project.cache.join("bindgen.log");
    cmd::logged(&mut install, &log, "building bindgen", "lines", |_| true)?;
    let _ = fs::remove_dir_all(project.cache.join("bindgen-build"));
    Ok(program)
}
