// SPDX-License-Identifier: GPL-2.0-only
//! Does the policy cost more where there is more memory: instructions, time, bytes, code?

mod code;
mod memory;
mod time;

use std::process::Command;

use anyhow::anyhow;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::cmd;
use crate::kernel::Variant;
use crate::project::Project;

/// Counts, times and weighs the policy at 8 to 16 384 GB, and prints it all.
///
/// # Errors
///
/// One line for the first requirement that is not met, after everything was printed.
pub fn run(project: &Project) -> Result<()> {
    let mut results = vec![instructions(project), time::run(project)];
    if built(project, Variant::Patched) {
        results.push(memory::run(project));
    } else {
        println!("bytes per GB are not known without build/patched: make bench builds it");
    }
    if built(project, Variant::Patched) && built(project, Variant::Stock) {
        results.push(code::run(project));
    } else {
        println!("code size needs build/stock and build/patched: make bench builds them");
    }
    results.into_iter().collect()
}

fn built(project: &Project, variant: Variant) -> bool {
    project.build(variant.name()).join("vmlinux").is_file()
}

/// `cargo COMMAND` on the crate that measures.
fn cargo(project: &Project, command: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo
        .args(command)
        .args(["--quiet", "--locked", "--package", "scale"])
        .arg("--manifest-path")
        .arg(project.tools("Cargo.toml"))
        .env("CARGO_TARGET_DIR", project.build("cargo"));
    cargo
}

fn instructions(project: &Project) -> Result<()> {
    println!("counting instructions of the policy");
    let mut program = cargo(project, &["run", "--release"]);
    let done = cmd::raw(program.arg("--").arg(project.build("scale/callgrind")))?;
    print!("{}", String::from_utf8_lossy(&done.stdout));
    if !done.status.success() {
        bail!("{}", cmd::complaint(&done).trim_start_matches("error: "));
    }
    Ok(())
}

/// Bytes that the policy keeps: for each block, and for each zone besides.
fn policy_bytes(project: &Project) -> Result<(u64, u64)> {
    let mut program = cargo(project, &["run", "--release"]);
    let text = cmd::output(program.args(["--", "bytes"]))?;
    let (block, zone) = text
        .split_once(' ')
        .with_context(|| format!("the size of a block is '{text}'"))?;
    Ok((number(block)?, number(zone)?))
}

fn number(text: &str) -> Result<u64> {
    text.parse()
        .map_err(|_| anyhow!("'{text}' is not a number"))
}
