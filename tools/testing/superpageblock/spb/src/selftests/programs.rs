// SPDX-License-Identifier: GPL-2.0-only
//! How are the mm selftests built and put on a disk?

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::PoisonError;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use super::plan;
use super::plan::Plan;
use super::plan::Test;
use crate::cmd;
use crate::fingerprint;
use crate::fingerprint::Fingerprint;
use crate::git::Git;
use crate::kernel::Variant;
use crate::session::Session;
use crate::setup::LEFTOVERS;

/// What the tests are built from, as patterns; the source itself stays untouched, as their build writes into it.
/// Held while a disk is filled.
static FILLING: Mutex<()> = Mutex::new(());

const PARTS: [&str; 9] = [
    "include/vdso",
    "lib/test_hmm_uapi.h",
    "mm/gup_test.h",
    "tools/arch/x86/include",
    "tools/include",
    "tools/testing/selftests/*.h",
    "tools/testing/selftests/lib.mk",
    "tools/testing/selftests/mm",
    "tools/testing/selftests/x86",
];
const MM: &str = "tools/testing/selftests/mm";
const SCRIPT: &str = "run_vmtests.sh";
const MODULE: &str = "page_frag_test.ko";
/// Room on the disk, in MiB.
const DISK: u64 = 1024;
/// Where the built tests are.
pub struct Programs {
    dir: PathBuf,
}

impl Programs {
    /// Builds the programs of the base, statically, unless that has been done.
    pub fn build(session: &Session) -> Result<Self> {
        let dir = session
            .project
            .build("selftests")
            .join(&session.base.version);
        let programs = Self { dir };
        let gcc = cmd::output(Command::new("gcc").arg("--version"))?;
        let key = Fingerprint::default()
            .add(&session.base.commit)
            .add(gcc)
            .add(PARTS)
            .hex();
        let stamp = programs.dir.join("stamp");
        if !fingerprint::matches(&stamp, &key) {
            let _ = fs::remove_dir_all(&programs.dir);
            programs.unpack(session)?;
            programs.headers(session)?;
            programs.compile(session)?;
            programs.tools()?;
            fingerprint::write(&stamp, &key)?;
        }
        Ok(programs)
    }

    /// The tests, all of them built.
    pub fn plan(&self) -> Result<Plan> {
        let path = self.root().join("mm").join(SCRIPT);
        let script =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let plan = plan::read(&script);
        let there = |test: &&Test| {
            let program = test.program().unwrap_or_default();
            self.root().join("mm").join(program).is_file()
        };
        match plan.tests.iter().find(|test| !there(test)) {
            Some(test) => bail!("{} was not built, see build/log/selftests.log", test.name),
            None => Ok(plan),
        }
    }

    /// Builds the module that one of the tests loads, for one kernel.
    pub fn module(&self, session: &Session, variant: Variant) -> Result<()> {
        let source = match variant {
            Variant::Stock => session.base.source.clone(),
            _ => session.tree()?.dir,
        };
        let out = session.project.build(variant.name());
        let dir = self.module_dir(variant);
        copy_files(&self.source().join(MM).join("page_frag"), &dir)?;
        let log = session
            .project
            .build(format!("log/{}-module.log", variant.name()));
        let symbols = out.join("vmlinux.symvers");
        let prepare = vec!["modules_prepare".to_string()];
        let build = vec![
            format!("M={}", dir.display()),
            format!("KBUILD_EXTRA_SYMBOLS={}", symbols.display()),
            "modules".to_string(),
        ];
        for arguments in [prepare, build] {
            let mut make = session.setup.toolchain.make(&source);
            make.arg(format!("O={}", out.display())).args(arguments);
            let label = format!("test module for {}", variant.name());
            cmd::logged(&mut make, &log, &label, "lines", |_| true)?;
        }
        Ok(())
    }

    /// A fresh disk with the programs and the module for `variant`.
    pub fn image(&self, session: &Session, variant: Variant) -> Result<PathBuf> {
        // Both kernels' modules have their turn in the same directory.
        let _alone = FILLING.lock().unwrap_or_else(PoisonError::into_inner);
        let module = self.root().join("mm/page_frag");
        fs::create_dir_all(&module)?;
        fs::copy(self.module_dir(variant).join(MODULE), module.join(MODULE))
            .context("the test module was not built")?;
        let image = session
            .project
            .build(format!("disk/selftests-{}.img", variant.name()));
        if let Some(dir) = image.parent() {
            fs::create_dir_all(dir)?;
        }
        let _ = fs::remove_file(&image);
        let program = ["/sbin/mke2fs", "/usr/sbin/mke2fs"]
            .into_iter()
            .find(|path| Path::new(path).exists());
        let mut mke2fs = Command::new(program.context("e2fsprogs is not installed")?);
        mke2fs
            .args(["-q", "-F", "-t", "ext4", "-E", "root_owner=0:0", "-d"])
            .arg(self.root())
            .arg(&image)
            .arg(format!("{DISK}M"));
        cmd::output(&mut mke2fs)?;
        Ok(image)
    }

    fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    fn source(&self) -> PathBuf {
        self.dir.join("source")
    }

    fn module_dir(&self, variant: Variant) -> PathBuf {
        self.dir.join(format!("page_frag-{}", variant.name()))
    }

    fn unpack(&self, session: &Session) -> Result<()> {
        let source = self.source();
        fs::create_dir_all(&source)?;
        let archive = self.dir.join("source.tar");
        let git = Git::at(&session.base.git_dir);
        let mut pack = git.command(&["archive", "--format=tar", "-o"]);
        pack.arg(&archive).arg(&session.base.commit);
        cmd::output(pack.args(PARTS))?;
        let mut unpack = Command::new("tar");
        cmd::output(unpack.arg("-xf").arg(&archive).arg("-C").arg(&source))?;
        Ok(fs::remove_file(&archive)?)
    }

    /// The kernel's headers for programs.
    fn headers(&self, session: &Session) -> Result<()> {
        let out = self.dir.join("headers");
        fs::create_dir_all(&out)?;
        let mut make = session.setup.toolchain.make(&session.base.source);
        make.arg(format!("O={}", out.display())).arg("headers");
        let log = session.project.build("log/headers.log");
        cmd::logged(&mut make, &log, "kernel headers", "lines", |_| true)
    }

    fn compile(&self, session: &Session) -> Result<()> {
        let output = self.root().join("mm");
        fs::create_dir_all(&output)?;
        let mut make = Command::new("make");
        for name in LEFTOVERS {
            make.env_remove(name);
        }
        let headers = self.dir.join("headers/usr/include");
        // What fails to compile and is not used here does no harm: the plan asks for the rest.
        make.arg("-k")
            .arg(format!("-j{}", session.project.jobs))
            .arg("-C")
            .arg(self.source().join(MM))
            .arg(format!("OUTPUT={}", output.display()))
            .arg(format!("KHDR_INCLUDES=-isystem {}", headers.display()))
            .arg("EXTRA_CFLAGS=-static -s")
            .arg("all");
        let log = session.project.build("log/selftests.log");
        let _ = cmd::logged(&mut make, &log, "mm selftests", "programs", |line| {
            line.trim_start().starts_with("CC ")
        });
        copy_files(&self.source().join(MM), &output)
    }

    /// The shell and the utilities that scripts among the tests call.
    fn tools(&self) -> Result<()> {
        let bin = self.root().join("bin");
        fs::create_dir_all(&bin)?;
        for (name, places) in [
            ("bash", ["/bin/bash-static", "/usr/bin/bash-static"]),
            ("busybox", ["/bin/busybox", "/usr/bin/busybox"]),
        ] {
            let found = places.iter().find(|path| Path::new(path).exists());
            let found = found.with_context(|| format!("{name}-static is not installed"))?;
            fs::copy(found, bin.join(name))?;
        }
        Ok(())
    }
}

/// Copies the files of a directory, without its subdirectories.
fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)?.flatten() {
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
