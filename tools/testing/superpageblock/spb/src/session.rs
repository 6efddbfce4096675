// SPDX-License-Identifier: GPL-2.0-only
//! How does a command get from nothing to a guest that has run?

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use anyhow::anyhow;
use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::base;
use crate::base::Base;
use crate::initramfs;
use crate::kernel;
use crate::kernel::Variant;
use crate::lock::Lock;
use crate::memory::Mib;
use crate::modules;
use crate::project::Project;
use crate::qemu::Accel;
use crate::qemu::Guest;
use crate::setup;
use crate::setup::Setup;
use crate::transcript::Transcript;
use crate::tree;
use crate::tree::Edits;
use crate::tree::Tree;

/// Kernels that are built at the same time.
const AT_ONCE: usize = 2;

/// What commands share: tools, base, and the means to run guests.
pub struct Session {
    /// Directories.
    pub project: Project,
    /// Tools and packaged source.
    pub setup: Setup,
    /// The unpatched kernel.
    pub base: Base,
    /// How guests run.
    pub accel: Accel,
    /// Whether guests' own log lines are shown.
    pub verbose: bool,
    lock: Mutex<Option<Lock>>,
    laid: Mutex<Option<Tree>>,
}

/// One boot of one kernel with one scenario.
#[derive(Clone)]
pub struct Boot {
    /// What it is called, if not by kernel, scenario and seed.
    pub name: Option<String>,
    /// Kernel to boot.
    pub variant: Variant,
    /// What the guest does.
    pub scenario: String,
    /// Seed of its random decisions.
    pub seed: u64,
    /// `spb.arg.*` for the scenario.
    pub arguments: BTreeMap<String, String>,
    /// Further kernel parameters.
    pub cmdline: String,
    /// Memory.
    pub memory: Mib,
    /// NUMA nodes.
    pub nodes: u32,
    /// What memory may grow to while the guest runs.
    pub maxmem: Option<Mib>,
    /// Further QEMU arguments.
    pub extra: Vec<String>,
    /// Disk images.
    pub disks: Vec<PathBuf>,
    /// Time limit.
    pub timeout: Duration,
}

impl Session {
    /// Sets up, and keeps other commands from building until [`Session::unlock`].
    pub fn open(project: Project, accel: Option<Accel>, verbose: bool) -> Result<Self> {
        let lock = Mutex::new(Some(Lock::take(project.build("lock"))?));
        let setup = setup::ensure(&project)?;
        let base = base::resolve(&project, &setup)?;
        let accel = accel.unwrap_or_else(Accel::detect);
        Ok(Self {
            project,
            setup,
            base,
            accel,
            verbose,
            lock,
            laid: Mutex::default(),
        })
    }

    /// Lets other commands build.
    pub fn unlock(&self) {
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Lays the tree out, the first time.
    pub fn tree(&self) -> Result<Tree> {
        let mut laid = self.laid.lock().unwrap_or_else(PoisonError::into_inner);
        if laid.is_none() {
            *laid = Some(tree::lay(&self.project, &self.base, Edits::Keep)?);
        }
        laid.clone().context("no tree")
    }

    /// Builds a kernel.
    pub fn build(&self, variant: Variant) -> Result<PathBuf> {
        let tree = match variant {
            Variant::Stock => None,
            _ => Some(self.tree()?),
        };
        self.build_from(tree.as_ref(), variant)
    }

    fn build_from(&self, tree: Option<&Tree>, variant: Variant) -> Result<PathBuf> {
        kernel::build(
            &self.project,
            &self.setup.toolchain,
            &self.base,
            tree,
            variant,
        )
        .with_context(|| format!("cannot build the {} kernel", variant.name()))
    }

    /// Builds kernels that do not start from each other, two at a time: each has phases that
    /// one processor has to itself.
    pub fn build_all(&self, variants: &[Variant]) -> Vec<Result<PathBuf>> {
        let tree = match self.tree() {
            Ok(tree) => tree,
            Err(error) => return variants.iter().map(|_| Err(anyhow!("{error:#}"))).collect(),
        };
        let results: Vec<OnceLock<_>> = variants.iter().map(|_| OnceLock::new()).collect();
        let next = AtomicUsize::new(0);
        let work = || loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(variant) = variants.get(number) else {
                return;
            };
            let _ = results[number].set(self.build_from(Some(&tree), *variant));
        };
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(work);
            }
        });
        let built = |slot: OnceLock<_>| slot.into_inner().unwrap_or_else(|| bail!("not built"));
        results.into_iter().map(built).collect()
    }

    /// Runs a guest; its kernel must have been built.
    pub fn boot(&self, boot: &Boot) -> Result<Transcript> {
        let usual = || format!("{} {} {}", boot.variant.name(), boot.scenario, boot.seed);
        let name = boot.name.clone().unwrap_or_else(usual);
        let mut cmdline = format!("spb.scenario={} spb.seed={}", boot.scenario, boot.seed);
        for (key, value) in &boot.arguments {
            cmdline += &format!(" spb.arg.{key}={value}");
        }
        let modules = modules::built(&self.project, boot.variant, &boot.scenario);
        let mut initramfs = initramfs::scenarios(&self.project, &modules)?;
        if boot.scenario == "crash" {
            let (kernel, image) = (boot.variant.name(), self.image(boot.variant));
            initramfs = initramfs::with_crash_kernel(&self.project, &initramfs, kernel, &image)?;
        }
        let mut guest = Guest {
            kernel: self.image(boot.variant),
            initramfs,
            memory: boot.memory,
            cpus: 2.max(boot.nodes),
            nodes: boot.nodes,
            cmdline: format!("{cmdline} {}", boot.cmdline),
            disks: boot.disks.clone(),
            maxmem: boot.maxmem,
            extra: boot.extra.clone(),
            timeout: boot.timeout,
            name,
        };
        let log = self
            .project
            .build(format!("log/{}.console", guest.name.replace(' ', "-")));
        let mut first = guest.boot(self.accel, &log, self.verbose)?;
        if first.was_starved() {
            println!("{}: hung in calibrating its timers, once more", guest.name);
            first = guest.boot(self.accel, &log, self.verbose)?;
        }
        if !first.wants_another_boot() {
            return Ok(first);
        }
        guest.name += " again";
        let log = log.with_extension("again.console");
        Ok(first.then(guest.boot(self.accel, &log, self.verbose)?))
    }

    /// Where the image of a built kernel is.
    pub fn image(&self, variant: Variant) -> PathBuf {
        self.project
            .build(variant.name())
            .join("arch/x86/boot/bzImage")
    }
}
