// SPDX-License-Identifier: GPL-2.0-only
//! How are modules built: the policy, for this project's kernels or any other, and tests for guests?

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::cmd;
use crate::fingerprint::Fingerprint;
use crate::kdir;
use crate::kdir::KernelDir;
use crate::kernel::Variant;
use crate::lock::Lock;
use crate::overlay;
use crate::project::Project;
use crate::session::Session;
use crate::settings::Settings;
use crate::setup;
use crate::setup::Toolchain;

/// Modules that are built together.
pub struct Kit {
    /// Where their source is in the kernel's tree.
    source: &'static str,
    /// What is built.
    files: &'static [&'static str],
    /// Name of the build directory, beside the kernel's.
    suffix: &'static str,
}

/// The policy.
pub static POLICY: Kit = Kit {
    source: "mm/superpageblock",
    files: &["superpageblock_policy.ko"],
    suffix: "",
};

/// KUnit suites that run when they are inserted, and a module that holds pages for a test.
pub static TESTS: Kit = Kit {
    source: "tools/testing/superpageblock/modules",
    files: &["page_zone_test.ko", "dump_page_test.ko", "page_holder.ko"],
    suffix: "-tests",
};

/// What operations of the page allocator cost.
pub static BENCH: Kit = Kit {
    source: "tools/testing/superpageblock/modules/bench",
    files: &["spb_bench.ko"],
    suffix: "-bench",
};

/// `make modules`: for the kernel in `KDIR`, or for this project's kernel without a policy of its own.
///
/// `KDIR` is a build directory here, not a tree to start from.
pub fn make(settings: Settings, verbose: bool) -> Result<()> {
    let project = Project::find(None, settings.jobs)?;
    let dir = match settings.kdir {
        Some(dir) => for_kdir(project, &dir)?,
        None => {
            let session = Session::open(project, settings.accel, verbose)?;
            session.build(Variant::Module)?;
            for_variant(&session, Variant::Module, &POLICY)?
        }
    };
    for file in POLICY.files {
        println!("{}", dir.join(file).display());
    }
    Ok(())
}

/// Builds modules for a kernel of this project that has been built; returns their directory.
pub fn for_variant(session: &Session, variant: Variant, kit: &Kit) -> Result<PathBuf> {
    let project = &session.project;
    let toolchain = &session.setup.toolchain;
    let tree = session.tree()?.dir;
    let out = project.build(variant.name());
    let stock = variant == Variant::Stock;
    let mut prepare = toolchain.make(if stock { &session.base.source } else { &tree });
    prepare.args(["-s", "modules_prepare"]);
    cmd::output(prepare.arg(format!("O={}", out.display())))?;
    let kernel = match stock {
        true => kdir::own(&out, kdir::X86)?,
        false => kdir::inspect(&out, &tree, &rustc()?)?,
    };
    build((project, toolchain), &kernel, &tree, kit, variant.name())
        .with_context(|| format!("cannot build modules for the {} kernel", variant.name()))
}

/// What a guest with this scenario gets.
pub fn wanted(scenario: &str) -> Option<&'static Kit> {
    match scenario {
        "highatomic" | "pages" | "storms" | "vmalloc" => Some(&TESTS),
        "bench" => Some(&BENCH),
        _ if scenario.starts_with("module") => Some(&POLICY),
        _ => None,
    }
}

/// The files that [`for_variant`] has built for a guest with this scenario.
pub fn built(project: &Project, variant: Variant, scenario: &str) -> Vec<PathBuf> {
    let kit = wanted(scenario);
    kit.map_or_else(Vec::new, |kit| kit.modules(project, variant.name()))
}

impl Kit {
    /// Its modules for a kernel, once they are built.
    pub fn modules(&self, project: &Project, kernel: &str) -> Vec<PathBuf> {
        let dir = self.directory(project, kernel);
        self.files.iter().map(|file| dir.join(file)).collect()
    }

    fn directory(&self, project: &Project, kernel: &str) -> PathBuf {
        project
            .build("modules")
            .join(format!("{kernel}{}", self.suffix))
    }
}

fn for_kdir(project: Project, dir: &Path) -> Result<PathBuf> {
    let kernel = kdir::inspect(dir, &project.root, &rustc()?)?;
    if kernel.has_policy {
        println!(
            "note: the kernel in {} has a policy built in, the module cannot attach beside it",
            kernel.dir.display()
        );
    }
    let _lock = Lock::take(project.build("lock"))?;
    // With KDIR no kernel source is fetched.
    let setup = setup::ensure(&Project {
        kdir: Some(kernel.dir.clone()),
        ..project.clone()
    })?;
    let name = Fingerprint::default().add(&kernel.dir).hex();
    let with = (&project, &setup.toolchain);
    build(with, &kernel, &project.root, &POLICY, &name)
}

fn rustc() -> Result<String> {
    cmd::output(Command::new("rustc").arg("--version"))
}

/// Builds in `build/modules/NAME`, from a copy of the source in the tree `sources`.
pub fn build(
    (project, toolchain): (&Project, &Toolchain),
    kernel: &KernelDir,
    sources: &Path,
    kit: &Kit,
    name: &str,
) -> Result<PathBuf> {
    let dir = kit.directory(project, name);
    copy(sources, kit.source, &dir)?;
    // What is there afterwards was built now.
    for file in kit.files {
        let _ = fs::remove_file(dir.join(file));
    }
    let mut make = toolchain.make(&kernel.dir);
    make.arg(format!("M={}", dir.display()))
        .arg(format!("ARCH={}", kernel.arch))
        .arg("CONFIG_SUPERPAGEBLOCK_POLICY=m")
        .arg(format!("-j{}", project.jobs));
    if kernel.symvers.ends_with("vmlinux.symvers") {
        make.arg(format!("KBUILD_EXTRA_SYMBOLS={}", kernel.symvers.display()));
    }
    let log = project.build(format!("log/module-{name}{}.log", kit.suffix));
    cmd::logged(make.arg("modules"), &log, "modules", "steps", |line| {
        let mut words = line.split_whitespace();
        words.nth(1) == Some("[M]") || line.trim_start().starts_with("MODPOST")
    })?;
    match kit.files.iter().find(|file| !dir.join(file).exists()) {
        Some(file) => bail!("no {file} was built, see {}", log.display()),
        None => Ok(dir),
    }
}

/// Brings the source of modules up to date in `dir`; what is the same keeps its time.
fn copy(sources: &Path, source: &str, dir: &Path) -> Result<()> {
    for file in overlay::below(sources, source)? {
        let inside = Path::new(&file.path).strip_prefix(source)?;
        let (text, to) = (fs::read(&file.from)?, dir.join(inside));
        if fs::read(&to).is_ok_and(|old| old == text) {
            continue;
        }
        to.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(&to, text).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_files_are_written() -> Result<()> {
        let scratch =
            std::env::temp_dir().join(format!("superpageblock-copy-{}", std::process::id()));
        let (from, to) = (scratch.join("tree"), scratch.join("module"));
        let time = |name: &str| fs::metadata(to.join(name)).and_then(|data| data.modified());
        fs::create_dir_all(from.join(POLICY.source).join("policy"))?;
        fs::write(from.join(POLICY.source).join("glue.c"), "1")?;
        fs::write(from.join(POLICY.source).join("policy/mod.rs"), "1")?;
        copy(&from, POLICY.source, &to)?;
        let old = std::time::SystemTime::UNIX_EPOCH;
        for name in ["glue.c", "policy/mod.rs"] {
            fs::File::options()
                .write(true)
                .open(to.join(name))?
                .set_modified(old)?;
        }
        fs::write(from.join(POLICY.source).join("glue.c"), "2")?;
        copy(&from, POLICY.source, &to)?;
        assert_eq!(fs::read(to.join("glue.c"))?, b"2");
        assert_ne!(time("glue.c")?, old);
        assert_eq!(time("policy/mod.rs")?, old);
        fs::remove_dir_all(scratch)?;
        Ok(())
    }
}
