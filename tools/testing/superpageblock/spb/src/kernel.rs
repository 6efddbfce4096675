// SPDX-License-Identifier: GPL-2.0-only
//! How is a kernel built, and when must it be built again?

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;
use clap::ValueEnum;

use crate::base::Base;
use crate::cmd;
use crate::fingerprint;
use crate::fingerprint::Fingerprint;
use crate::kconfig;
use crate::project::Project;
use crate::setup::Toolchain;
use crate::tree::Tree;

/// A kernel this project builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Variant {
    /// The base as it is.
    Stock,
    /// With patches and overlay.
    Patched,
    /// Patched, with lock, list and page checking.
    Debug,
    /// Patched, with the drivers of a general machine.
    Drivers,
}

impl Variant {
    /// Name of its output directory below `build/`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Patched => "patched",
            Self::Debug => "debug",
            Self::Drivers => "drivers",
        }
    }

    fn start(self) -> &'static str {
        match self {
            Self::Drivers => "x86_64_defconfig",
            _ => "allnoconfig",
        }
    }

    /// Fragments in `configs/`, a later one overriding an earlier one.
    fn fragments(self) -> &'static [&'static str] {
        match self {
            Self::Stock => &["base"],
            Self::Patched => &["base", "patched"],
            Self::Debug => &["base", "patched", "debug"],
            Self::Drivers => &["base", "patched", "drivers"],
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
        (Variant::Stock, _) => Source {
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
        .add(variant.start())
        .add(&toolchain.identity)
        .add(toolchain.make_options())
        .hex();
    if !source.edited && image.exists() && fingerprint::matches(&stamp, &key) {
        return Ok(image);
    }
    fs::create_dir_all(&out)?;
    let _ = fs::remove_file(&stamp);
    configure(toolchain, &source.dir, &out, variant, &request)?;
    compile(project, toolchain, &source.dir, &out, variant)?;
    if !source.edited {
        fingerprint::write(&stamp, &key)?;
    }
    Ok(image)
}

fn request(project: &Project, variant: Variant) -> Result<String> {
    let mut request = String::new();
    for fragment in variant.fragments() {
        let path = project.tools("configs").join(format!("{fragment}.config"));
        request += &fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
    }
    Ok(request)
}

/// Writes `.config` and checks that all of `request` took effect.
fn configure(
    toolchain: &Toolchain,
    source: &Path,
    out: &Path,
    variant: Variant,
    request: &str,
) -> Result<()> {
    let wanted = out.join("superpageblock.config");
    fs::write(&wanted, request)?;
    let make = |target: &str| {
        let mut make = toolchain.make(source);
        make.arg("-s")
            .arg(format!("O={}", out.display()))
            .arg(target);
        make
    };
    let config = out.join(".config");
    if variant.start() == "allnoconfig" {
        cmd::output(make("allnoconfig").env("KCONFIG_ALLCONFIG", &wanted))?;
    } else {
        cmd::output(&mut make(variant.start()))?;
        let all = fs::read_to_string(&config)? + request;
        fs::write(&config, all)?;
        cmd::output(&mut make("olddefconfig"))?;
    }
    let refused = kconfig::refused(request, &fs::read_to_string(&config)?);
    if !refused.is_empty() {
        bail!(
            "{} kernel: options not taken: {}",
            variant.name(),
            refused.join(" ")
        );
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
    let mut make = toolchain.make(source);
    make.arg(format!("O={}", out.display()))
        .arg(format!("-j{}", project.jobs))
        .args(["bzImage", "vmlinux"]);
    let log = project.build(format!("log/{}.log", variant.name()));
    let label = format!("{} kernel", variant.name());
    cmd::logged(&mut make, &log, &label, "objects", |line| {
        let tool = line.split_whitespace().next();
        matches!(
            tool,
            Some("CC" | "AS" | "RUSTC" | "HOSTCC" | "LD" | "AR" | "[M]")
        )
    })
}
