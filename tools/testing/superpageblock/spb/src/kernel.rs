// SPDX-License-Identifier: GPL-2.0-only
//! How is a kernel built, and when must it be built again?

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use clap::ValueEnum;

use crate::base::Base;
use crate::cmd;
use crate::fingerprint;
use crate::fingerprint::Fingerprint;
use crate::headers::Headers;
use crate::kconfig;
use crate::project::Project;
use crate::seed;
use crate::setup::Toolchain;
use crate::tree::Tree;

/// A kernel this project builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Variant {
    /// The base as it is.
    Stock,
    /// With patches and overlay.
    Patched,
    /// Patched, with lock, list and page checking, and a further file system.
    Debug,
    /// Patched, with the drivers of a general machine, and struct pages initialised late.
    Drivers,
    /// The base, with a further file system, and struct pages initialised late.
    StockFiles,
    /// Patched, with a further file system.
    Files,
    /// Patched, without a policy built in.
    Module,
    /// Debug, without a policy built in.
    DebugModule,
    /// Patched, with everything that watches memory itself.
    Kasan,
    /// The base, with a record of how long locks are held.
    StockLocks,
    /// Patched, with that record.
    PatchedLocks,
}

impl Variant {
    /// Name of its output directory below `build/`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Patched => "patched",
            Self::Debug => "debug",
            Self::Drivers => "drivers",
            Self::StockFiles => "stock-files",
            Self::Files => "files",
            Self::Module => "module",
            Self::DebugModule => "debug-module",
            Self::Kasan => "kasan",
            Self::StockLocks => "stock-locks",
            Self::PatchedLocks => "patched-locks",
        }
    }

    /// Fragments in `configs/`, a later one overriding an earlier one.
    fn fragments(self) -> &'static [&'static str] {
        match self {
            Self::Stock => &["base"],
            Self::Patched => &["base", "patched"],
            Self::Debug => &["base", "patched", "files", "debug"],
            Self::Drivers => &["base", "patched", "late", "drivers"],
            Self::StockFiles => &["base", "files", "late"],
            Self::Files => &["base", "patched", "files"],
            Self::Module => &["base", "patched", "module"],
            Self::DebugModule => &["base", "patched", "files", "debug", "module"],
            Self::Kasan => &["base", "patched", "debug", "kasan"],
            Self::StockLocks => &["base", "lockstat"],
            Self::PatchedLocks => &["base", "patched", "lockstat"],
        }
    }

    /// A kernel some of whose objects are the same, if only the tools that build it: a copy of it is where building
    /// starts.
    fn sibling(self) -> Option<Self> {
        match self {
            Self::Files | Self::Module | Self::Debug => Some(Self::Patched),
            Self::StockFiles => Some(Self::Stock),
            Self::DebugModule => Some(Self::Debug),
            _ => None,
        }
    }
}

/// A source tree to build and what identifies its content.
struct Source {
    dir: PathBuf,
    commit: String,
    edited: bool,
}

/// Builds `variant` unless it is up to date; returns its bootable image.
pub fn build(
    project: &Project,
    toolchain: &Toolchain,
    base: &Base,
    tree: Option<&Tree>,
    variant: Variant,
) -> Result<PathBuf> {
    let source = match (variant, tree) {
        (Variant::Stock | Variant::StockFiles | Variant::StockLocks, _) => Source {
            dir: base.source.clone(),
            commit: base.commit.clone(),
            edited: false,
        },
        (_, Some(tree)) => Source {
            dir: tree.dir.clone(),
            commit: tree.commit.clone(),
            edited: tree.edited,
        },
        (_, None) => bail!("the {} kernel needs build/tree", variant.name()),
    };
    let out = project.build(variant.name());
    let image = out.join("arch/x86/boot/bzImage");
    let request = request(project, variant)?;
    let stamp = out.join("superpageblock.stamp");
    let key = Fingerprint::default()
        .add(&source.commit)
        .add(&source.dir)
        .add(&request)
        .add(&toolchain.identity)
        .add(toolchain.make_options())
        .hex();
    if !source.edited && image.exists() && fingerprint::matches(&stamp, &key) {
        return Ok(image);
    }
    start(project, variant, &out)?;
    let _ = fs::remove_file(&stamp);
    configure(toolchain.make(&source.dir), &out, variant.name(), &request)?;
    compile(project, toolchain, &source.dir, &out, variant)?;
    if !source.edited {
        fingerprint::write(&stamp, &key)?;
    }
    Ok(image)
}

/// Compiles one object of the sources in `source` without Rust, and so without superpageblocks, below `build/NAME`.
pub fn object_without_rust(
    project: &Project,
    toolchain: &Toolchain,
    source: &Path,
    name: &str,
    object: &str,
) -> Result<PathBuf> {
    let out = project.build(name);
    fs::create_dir_all(&out)?;
    let base = fs::read_to_string(project.tools("configs/base.config"))?;
    let request = base.replace("CONFIG_RUST=y\n", "# CONFIG_RUST is not set\n");
    configure(toolchain.make(source), &out, name, &request)?;
    let mut make = toolchain.make(source);
    make.args(["-s", &format!("-j{}", project.jobs), object]);
    cmd::output(make.arg(format!("O={}", out.display())))?;
    Ok(out.join(object))
}

/// Starts from the output of the sibling, so that make builds only what differs.
fn start(project: &Project, variant: Variant, out: &Path) -> Result<()> {
    let sibling = variant.sibling().map(|kernel| project.build(kernel.name()));
    match sibling.filter(|dir| dir.join("vmlinux").exists() && !out.exists()) {
        Some(sibling) => seed::seed(&sibling, out),
        None => Ok(fs::create_dir_all(out)?),
    }
}

fn request(project: &Project, variant: Variant) -> Result<String> {
    fragments(project, variant.fragments())
}

/// Fragments in `configs/` as one.
pub fn fragments(project: &Project, names: &[&str]) -> Result<String> {
    let mut request = String::new();
    for fragment in names {
        let path = project.tools("configs").join(format!("{fragment}.config"));
        request += &fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
    }
    Ok(request)
}

/// Has `make` write `.config`, and checks that all of `request` took effect.
pub fn configure(mut make: Command, out: &Path, name: &str, request: &str) -> Result<()> {
    let wanted = out.join("superpageblock.config");
    fs::write(&wanted, request)?;
    make.arg("-s")
        .arg(format!("O={}", out.display()))
        .arg("allnoconfig");
    cmd::output(make.env("KCONFIG_ALLCONFIG", &wanted))?;
    let config = out.join(".config");
    let refused = kconfig::refused(request, &fs::read_to_string(&config)?);
    if !refused.is_empty() {
        bail!("{name} kernel: options not taken: {}", refused.join(" "));
    }
    Ok(())
}

fn compile(
    project: &Project,
    toolchain: &Toolchain,
    source: &Path,
    out: &Path,
    variant: Variant,
) -> Result<()> {
    let label = format!("{} kernel", variant.name());
    let headers = Headers::of(project, toolchain, (source, out), "x86", variant.name())?;
    let mut make = toolchain.make(source);
    make.arg(format!("O={}", out.display()))
        .arg(format!("-j{}", project.jobs))
        .args(["bzImage", "vmlinux"]);
    headers.iter().for_each(|headers| headers.tell(&mut make));
    let log = project.build(format!("log/{}.log", variant.name()));
    cmd::logged(&mut make, &log, &label, "objects", |line| {
        let tool = line.split_whitespace().next();
        matches!(
            tool,
            Some("CC" | "AS" | "RUSTC" | "HOSTCC" | "LD" | "AR" | "[M]")
        )
    })
}
