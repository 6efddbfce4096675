// SPDX-License-Identifier: GPL-2.0-only
//! Can the policy be built as a module for the kernel in this build directory?

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::bail;
use anyhow::ensure;
use anyhow::Context;
use anyhow::Result;

use crate::base;
use crate::kconfig;

/// The header in which kernel and module must agree.
pub const HEADER: &str = "include/linux/superpageblock.h";

/// What make calls the only machine that has the policy as a module.
pub const X86: &str = "x86";

/// What `make modules_prepare` leaves in a build directory.
const PREPARED: [&str; 3] = [
    "scripts/mod/modpost",
    "scripts/module.lds",
    "rust/libkernel.rmeta",
];

/// Options without which there is no module, and what is wrong then.
const REQUIRED: [(&str, &str); 5] = [
    ("X86_64", "is not one for x86-64"),
    ("MODULES", "loads no modules"),
    ("RUST", "has no Rust"),
    ("SUPERPAGEBLOCK", "has no superpageblocks"),
    ("CC_IS_CLANG", "was not built with clang"),
];

/// A build directory that a module can be built for.
#[derive(Debug)]
pub struct KernelDir {
    /// The directory.
    pub dir: PathBuf,
    /// Symbols of the kernel.
    pub symvers: PathBuf,
    /// What make calls the machine, or whatever the kernel runs on.
    pub arch: &'static str,
    /// Whether the kernel has a policy of its own, beside which a module cannot attach.
    pub has_policy: bool,
}

/// Checks `dir`, in the order in which its owner would have to put things right.
///
/// `sources` is the tree that the module's source is taken from, `rustc` what its compiler calls itself.
///
/// # Errors
///
/// One line: what is wrong with `dir` and what to do about it.
pub fn inspect(dir: &Path, sources: &Path, rustc: &str) -> Result<KernelDir> {
    let name = dir.display();
    ensure!(
        dir.exists(),
        "KDIR={name} does not exist: name a kernel's build directory"
    );
    let dir = dir.canonicalize()?;
    let source = source(&dir).with_context(|| {
        format!("KDIR={name} is no build directory of a kernel: name one that has a .config")
    })?;
    let version = base::version(&source)?;
    ensure!(
        version.starts_with("7.2."),
        "KDIR={name} is linux {version}: this needs 7.2"
    );
    header(&source, sources).with_context(|| format!("KDIR={name}"))?;
    let Ok(config) = fs::read_to_string(dir.join("include/config/auto.conf")) else {
        bail!("KDIR={name} is not configured: configure and build the kernel first");
    };
    let config = kconfig::parse(&config);
    let is_set = |symbol: &str| config.get(symbol).is_some_and(|value| value == "y");
    ensure!(
        !is_set("UML"),
        "the kernel in KDIR={name} runs in user mode: this needs one for x86-64"
    );
    for (symbol, wrong) in REQUIRED {
        ensure!(
            is_set(symbol),
            "the kernel in KDIR={name} {wrong}: set CONFIG_{symbol}=y and build it again"
        );
    }
    let built_with = config.get("RUSTC_VERSION_TEXT").map(String::as_str);
    compiler(built_with.unwrap_or_default(), rustc).with_context(|| format!("KDIR={name}"))?;
    for path in PREPARED {
        ensure!(
            dir.join(path).exists(),
            "KDIR={name} lacks {path}: run make modules_prepare there"
        );
    }
    Ok(KernelDir {
        symvers: symvers(&dir).with_context(|| format!("KDIR={name}"))?,
        arch: X86,
        has_policy: is_set("SUPERPAGEBLOCK_POLICY"),
        dir,
    })
}

/// A build directory of this project, of a kernel that needs no policy from a module.
pub fn own(dir: &Path, arch: &'static str) -> Result<KernelDir> {
    Ok(KernelDir {
        dir: dir.to_path_buf(),
        symvers: symvers(dir)?,
        arch,
        has_policy: false,
    })
}

/// The source of the kernel that is built in `dir`, which may be `dir` itself.
fn source(dir: &Path) -> Option<PathBuf> {
    let makefile = fs::read_to_string(dir.join("Makefile")).ok()?;
    let included = makefile
        .lines()
        .find_map(|line| line.strip_prefix("include ")?.strip_suffix("/Makefile"));
    match included.map(Path::new) {
        Some(source) if source.is_absolute() => Some(source.to_path_buf()),
        _ => base::version(dir).is_ok().then(|| dir.to_path_buf()),
    }
}

fn header(source: &Path, sources: &Path) -> Result<()> {
    let Ok(theirs) = fs::read(source.join(HEADER)) else {
        bail!("the kernel has no {HEADER}: apply the patches first, as make tree does");
    };
    let ours = fs::read(sources.join(HEADER))
        .with_context(|| format!("cannot read {}", sources.join(HEADER).display()))?;
    ensure!(
        theirs == ours,
        "the kernel has another version of {HEADER}: update its patches and build it again"
    );
    Ok(())
}

/// Compiled Rust of one compiler is of no use to another.
fn compiler(built_with: &str, rustc: &str) -> Result<()> {
    let built_with = built_with.trim_matches('"');
    ensure!(
        built_with == rustc.trim(),
        "the kernel was built with {built_with}, on PATH is {}: put the former on PATH or build the kernel again",
        rustc.trim()
    );
    Ok(())
}

/// Without modules of its own a kernel has the second file only.
fn symvers(dir: &Path) -> Result<PathBuf> {
    ["Module.symvers", "vmlinux.symvers"]
        .iter()
        .map(|name| dir.join(name))
        .find(|path| path.exists())
        .context("no Module.symvers and no vmlinux.symvers: build the kernel first")
}

#[cfg(test)]
#[path = "kdir_tests.rs"]
mod tests;
