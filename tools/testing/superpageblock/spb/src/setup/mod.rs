// SPDX-License-Identifier: GPL-2.0-only
//! What must a machine have before a kernel can be built, and how does it get it?

mod apt;
mod kcc;
mod packages;
mod rust;
mod source;

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use anyhow::anyhow;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::base;
use crate::cmd;
use crate::fingerprint;
use crate::project::Project;

/// Suffix of the LLVM tools a kernel is built with.
pub const LLVM: &str = "-19";

/// Variables of a calling make that would reach the makefiles of the kernel.
pub const LEFTOVERS: [&str; 6] = [
    "MAKEFLAGS",
    "MFLAGS",
    "MAKELEVEL",
    "MAKEOVERRIDES",
    "KDIR",
    "O",
];

/// Everything a kernel build needs besides its source.
#[derive(Clone)]
pub struct Toolchain {
    /// `library` directory of the Rust standard library's source.
    pub rust_lib_src: PathBuf,
    /// The bindings generator.
    pub bindgen: PathBuf,
    /// Compiler cache directory.
    pub ccache: PathBuf,
    /// What compiles C: clang, by way of the crate `kcc`.
    pub kcc: PathBuf,
    /// Paths below it are the same to the compiler cache, wherever the repository is cloned.
    pub root: PathBuf,
    /// Versions of the compilers; objects of another identity are not reused.
    pub identity: String,
}

impl Toolchain {
    /// A kernel `make` for `source`, with the arguments every call must share.
    pub fn make(&self, source: &Path) -> Command {
        let mut make = cmd::nice("make");
        make.arg("-C").arg(source).args(self.make_options());
        self.cache(&mut make)
            .env("KBUILD_BUILD_TIMESTAMP", "1970-01-01 00:00:00 +0000")
            .env("KBUILD_BUILD_USER", "superpageblock")
            .env("KBUILD_BUILD_HOST", "superpageblock")
            .env("KBUILD_BUILD_VERSION", "1")
            .env("LOCALVERSION", "")
            .env("LC_ALL", "C");
        for name in LEFTOVERS {
            make.env_remove(name);
        }
        make
    }

    /// Tells the compiler and its cache what they must know.
    pub fn cache<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("KCC_COMPILER", format!("clang{LLVM}"))
            .env("CCACHE_COMPILERTYPE", "clang")
            .env("CCACHE_COMPILERCHECK", self.compilers())
            .env("CCACHE_DIR", &self.ccache)
            .env("CCACHE_NOHASHDIR", "1")
            .env("CCACHE_BASEDIR", &self.root)
            // kbuild has the compiler list the headers anyway. Preprocessing each file
            // once more takes a fifth of a cold build.
            .env("CCACHE_DEPEND", "1")
            // Nor need it read each header again for each file.
            .env("CCACHE_INODECACHE", "1")
    }

    /// What the compiler cache takes for the same compiler: its front has its version in its path.
    fn compilers(&self) -> String {
        let versions = self
            .kcc
            .parent()
            .and_then(Path::file_name)
            .unwrap_or_default();
        format!("string:{}; {}", self.identity, versions.to_string_lossy())
    }

    /// Variables as given on make's command line.
    pub fn make_options(&self) -> Vec<String> {
        let mut options = vec![
            format!("LLVM={LLVM}"),
            format!("BINDGEN={}", self.bindgen.display()),
            format!("RUST_LIB_SRC={}", self.rust_lib_src.display()),
        ];
        let cache = if cmd::on_path("ccache") {
            "ccache "
        } else {
            ""
        };
        options.push(format!("CC={cache}{}", self.kcc.display()));
        options
    }
}

/// The compilers and, unless `KDIR` names one, the kernel source.
pub struct Setup {
    /// Compilers and generators.
    pub toolchain: Toolchain,
    /// The packaged kernel source.
    pub source: Option<PathBuf>,
}

/// Programs by which packages are recognised.
pub fn programs() -> impl Iterator<Item = &'static str> {
    packages::proofs().filter(|proof| !proof.starts_with('/'))
}

/// Installs a package that few commands need; it is called like its program.
pub fn need(program: &str) -> Result<()> {
    packages::need(program)
}

/// URI of the Debian archive that this machine uses.
pub fn mirror() -> Result<String> {
    apt::mirror(Path::new("/etc/apt")).context("no Debian mirror found in /etc/apt")
}

/// Installs and fetches what is missing; fast when nothing is.
pub fn ensure(project: &Project) -> Result<Setup> {
    packages::ensure()?;
    let rustc = cmd::output(Command::new("rustc").arg("--version"))?;
    // Building bindgen takes a minute, and so does fetching and unpacking all the rest.
    let (sources, bindgen) = thread::scope(|scope| {
        let bindgen = scope.spawn(|| rust::bindgen(project));
        let sources = source(project).and_then(|source| {
            let library = rust::library(project, &rustc)?;
            Ok((source, library))
        });
        let panicked = |_| Err(anyhow!("building bindgen panicked"));
        (sources, bindgen.join().unwrap_or_else(panicked))
    });
    let (source, rust_lib_src) = sources?;
    let clang = cmd::output(Command::new(format!("clang{LLVM}")).arg("--version"))?;
    let toolchain = Toolchain {
        rust_lib_src,
        bindgen: bindgen?,
        ccache: project.cache.join("ccache"),
        kcc: kcc::ensure(project)?,
        root: project.root.clone(),
        identity: format!("{rustc}; {}", clang.lines().next().unwrap_or_default()),
    };
    if let Some(source) = &source {
        check(project, &toolchain, source)?;
    }
    Ok(Setup { toolchain, source })
}

/// The packaged source, in git as well, unless there is another.
fn source(project: &Project) -> Result<Option<PathBuf>> {
    if project.kdir.is_some() {
        return Ok(None);
    }
    let source = source::ensure(project)?;
    base::packaged(project, &source)?;
    Ok(Some(source))
}

/// Asks the kernel, once per toolchain, whether it can use this Rust.
fn check(project: &Project, toolchain: &Toolchain, source: &Path) -> Result<()> {
    let stamp = project.cache.join("rustavailable.stamp");
    let value = format!(
        "{} {} {} {}",
        toolchain.identity,
        toolchain.bindgen.display(),
        toolchain.rust_lib_src.display(),
        source.display()
    );
    if fingerprint::matches(&stamp, &value) {
        return Ok(());
    }
    // An output directory keeps the source pristine.
    let out = project.cache.join("rustavailable");
    std::fs::create_dir_all(&out)?;
    let mut make = toolchain.make(source);
    let done = cmd::raw(
        make.arg("-s")
            .arg(format!("O={}", out.display()))
            .arg("rustavailable"),
    )?;
    if !done.status.success() {
        let text = String::from_utf8_lossy(&done.stderr).into_owned();
        let reason: Vec<&str> = text
            .lines()
            .map(|l| l.trim_matches(|c| c == '*' || c == ' '))
            .filter(|l| !l.is_empty())
            .collect();
        bail!(
            "the kernel cannot use this Rust: {}",
            reason.first().unwrap_or(&"no reason given")
        );
    }
    fingerprint::write(&stamp, &value)
}
