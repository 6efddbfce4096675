// SPDX-License-Identifier: GPL-2.0-only
//! Which command was given, and what does it need?
//!
//! - [`setup`]: what the machine must have; [`base`], [`tree`], [`overlay`], [`maintainers`], [`refresh`]: sources;
//! - [`kernel`], [`headers`], [`saved`], [`seed`], [`kconfig`], [`initramfs`]: what is booted; [`qemu`], [`memory`], [`transcript`], [`mkfs`]: booting it; [`actions`], [`qmp`]: what it may ask for;
//! - [`session`]: all of that together; [`testing`], [`lanes`], [`places`], [`matrix`], [`workspace`], [`kunit`], [`ktap`], [`callgraph`], [`hooks`], [`unchanged`], [`plain`], [`refusals`], [`cases`]: tests;
//! - [`selftests`], [`kunit_mm`], [`twins`], [`full`]: the kernel's own tests, and guests, on stock and patched;
//! - [`scale`]: what the policy costs where there is more memory;
//! - [`replay`]: other rules for the policy, on recorded allocations;
//! - [`series`]: the series for the mailing list;
//! - [`bench`]: instructions of alloc and free;
//! - [`compare`], [`single`], [`shell`], [`modules`], [`kdir`]: the other commands; [`settings`], [`project`], [`cmd`], [`git`], [`lock`], [`fingerprint`], [`together`]: helpers.

#![forbid(unsafe_code)]

mod actions;
mod base;
mod bench;
mod callgraph;
mod cases;
mod cmd;
mod compare;
mod fingerprint;
mod full;
mod git;
mod headers;
mod hooks;
mod initramfs;
mod kconfig;
mod kdir;
mod kernel;
mod ktap;
mod kunit;
mod kunit_mm;
mod lanes;
mod lock;
mod maintainers;
mod matrix;
mod memory;
mod mkfs;
mod modules;
mod overlay;
mod places;
mod plain;
mod project;
mod qemu;
mod qmp;
mod refresh;
mod refusals;
mod replay;
mod saved;
mod scale;
mod seed;
mod selftests;
mod series;
mod session;
mod settings;
mod setup;
mod shell;
mod single;
mod testing;
mod together;
mod transcript;
mod tree;
mod twins;
mod unchanged;
mod workspace;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use clap::Subcommand;

use crate::cases::Cases;
use crate::kernel::Variant;
use crate::memory::Mib;
use crate::project::Project;
use crate::session::Boot;
use crate::session::Session;
use crate::settings::Settings;

/// Builds, boots and tests kernels for superpageblock work.
///
/// MEM, SEEDS, KDIR, J, ACCEL and KERNEL are read from the environment; `make help` explains them.
#[derive(Parser)]
#[command(name = "spb")]
struct Arguments {
    /// Show what guests log.
    #[arg(short, long, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Request,
}

#[derive(Subcommand)]
enum Request {
    /// Install and fetch what is missing.
    Setup,
    /// Lay base, patches and overlay out in build/tree.
    Tree,
    /// Write edits in build/tree back.
    Refresh,
    /// Build kernels.
    Build {
        /// Which ones.
        #[arg(required = true)]
        variants: Vec<Variant>,
    },
    /// Boot one kernel with one scenario and print what the guest reported.
    Boot {
        /// Kernel to build and boot.
        variant: Variant,
        /// What the guest does.
        scenario: String,
        /// `spb.arg.KEY=VALUE` for the scenario, as KEY=VALUE.
        arguments: Vec<String>,
        /// NUMA nodes.
        #[arg(long, default_value_t = 1)]
        nodes: u32,
        /// Further kernel parameters.
        #[arg(long, default_value = "")]
        cmdline: String,
        /// What memory may grow to while the guest runs, as in 8G.
        #[arg(long)]
        maxmem: Option<Mib>,
        /// Further QEMU arguments, separated by blanks.
        #[arg(long, default_value = "", allow_hyphen_values = true)]
        qemu: String,
        /// Size in MiB of an empty disk; may be given several times.
        #[arg(long)]
        disk: Vec<u64>,
        /// File system that the disks get, as in btrfs.
        #[arg(long, default_value = "")]
        mkfs: String,
        /// Seconds after which the guest is ended.
        #[arg(long, default_value_t = 900)]
        timeout: u64,
    },
    /// Compare stock and patched under the same workload.
    Run,
    /// Boot stock, stock with vm.defrag_mode and patched with kernel memory growing in full
    /// memory, and compare.
    Pressure,
    /// The same after a file system was busy.
    Files,
    /// Keep a patched guest busy, and see whether kernel memory spreads with time.
    Soak {
        /// For so many minutes, and for two rounds at least; a week at most.
        #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=10080))]
        minutes: u64,
    },
    /// Count the instructions of alloc and free on stock, detached and attached.
    Bench {
        /// Make the result the new reference.
        #[arg(long)]
        update: bool,
    },
    /// Model cache misses of alloc and free on stock and attached, and say which functions take their instructions.
    BenchModel,
    /// Compare how long zone->lock is held on stock and patched, with one processor and with eight.
    BenchLocks,
    /// Compare how long kernel memory waits for a page while it grows in full memory.
    BenchLatency,
    /// Time alloc and free on stock, detached and attached kernels that run as programs.
    BenchNative {
        /// How often each.
        #[arg(long, default_value_t = bench::native::ROUNDS, value_parser = clap::value_parser!(u64).range(1..=1000))]
        rounds: u64,
    },
    /// Run everything CI runs.
    Test,
    /// Run everything: further guests, and the kernel's own mm tests on stock and patched.
    TestFull {
        /// Only what `test` does not run, and the guests that it is compared with.
        #[arg(long)]
        further: bool,
        /// Only guests whose name has this text in it, or whose kernel is called so; may be given several times.
        #[arg(long)]
        only: Vec<String>,
    },
    /// Compare the kernel's own mm selftests on stock and patched.
    Selftests {
        /// Categories or parts of commands, `kunit` for mm's KUnit suites; all selftests if none.
        wanted: Vec<String>,
    },
    /// Run the KUnit suites.
    Kunit,
    /// Run the tests that need no guest.
    HostTest,
    /// Print what the policy costs where there is more memory: instructions, time, bytes, code.
    Scale,
    /// Carry out recorded allocations of real programs with the policy's rules, and with others.
    Replay {
        /// Record all of them anew.
        #[arg(long)]
        record: bool,
    },
    /// Boot an interactive guest.
    Shell,
    /// Emit the mail series and a git tree.
    Series,
    /// Prove that every commit of the series builds, and that some boot.
    SeriesCheck {
        /// Compile only mm/ and the objects of changed files.
        #[arg(long)]
        quick: bool,
        /// Only these commits: NUMBER or FIRST-LAST.
        #[arg(long)]
        commits: Option<series::check::Span>,
    },
    /// Build the policy as a module, for the kernel built in KDIR.
    Modules,
}

fn main() -> ExitCode {
    match perform(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: &Arguments) -> Result<()> {
    let settings = Settings::read()?;
    // Before kernels are built that could not be booted then.
    settings.memory.map_or(Ok(()), Mib::check)?;
    if matches!(arguments.command, Request::Modules) {
        return modules::make(settings, arguments.verbose);
    }
    let project = Project::find(settings.kdir, settings.jobs)?;
    if matches!(arguments.command, Request::HostTest) {
        let cases = Cases::default();
        workspace::test(&project, &cases);
        return cases.finish();
    }
    if matches!(arguments.command, Request::Scale) {
        return scale::run(&project);
    }
    let mut session = Session::open(project, settings.accel, arguments.verbose)?;
    match &arguments.command {
        Request::Setup | Request::HostTest | Request::Modules | Request::Scale => Ok(()),
        Request::Tree => session.tree().map(drop),
        Request::Refresh => refresh::refresh(&session.project, &session.base),
        Request::Build { variants } => variants
            .iter()
            .try_for_each(|variant| session.build(*variant).map(drop)),
        Request::Boot {
            variant,
            scenario,
            arguments,
            nodes,
            cmdline,
            maxmem,
            qemu,
            disk,
            mkfs,
            timeout,
        } => {
            let boot = Boot {
                name: None,
                variant: *variant,
                scenario: scenario.clone(),
                seed: settings.seeds.first().copied().unwrap_or(1),
                arguments: single::pairs(arguments)?,
                cmdline: cmdline.clone(),
                memory: settings.memory.unwrap_or(Mib::gib(4)),
                nodes: *nodes,
                maxmem: *maxmem,
                extra: qemu.split_whitespace().map(String::from).collect(),
                disks: testing::disks(&session, scenario, disk, mkfs)?,
                timeout: Duration::from_secs(*timeout),
            };
            single::run(&mut session, &boot)
        }
        Request::Run => compare::run(
            &mut session,
            &compare::CHURN,
            settings.memory,
            &settings.seeds,
        ),
        Request::Pressure => compare::run(
            &mut session,
            &compare::PRESSURE,
            settings.memory,
            &settings.seeds,
        ),
        Request::Files => compare::run(
            &mut session,
            &compare::FILES,
            settings.memory,
            &settings.seeds,
        ),
        Request::Soak { minutes } => {
            let memory = settings.memory.unwrap_or(Mib::gib(8));
            let seed = settings.seeds.first().copied().unwrap_or(1);
            single::run(&mut session, &single::soak(memory, seed, *minutes))
        }
        Request::Bench { update } => bench::run(&mut session, settings.memory, *update),
        Request::BenchModel => bench::model::run(&mut session),
        Request::BenchLocks => bench::locks::run(&mut session),
        Request::BenchLatency => bench::latency::run(&mut session),
        Request::BenchNative { rounds } => bench::native::run(&mut session, *rounds),
        Request::Test => testing::everything(&session),
        Request::TestFull { further, only } => full::everything(&session, *further, only),
        Request::Selftests { wanted } => full::compare(&mut session, wanted),
        Request::Replay { record } => replay::run(&mut session, settings.memory, *record),
        Request::Kunit => testing::only_kunit(&session),
        Request::Series => series::make(&session),
        Request::SeriesCheck { quick, commits } => {
            series::check::check(&mut session, *quick, *commits)
        }
        Request::Shell => shell::run(
            &mut session,
            settings.kernel.unwrap_or(Variant::Patched),
            settings.memory,
        ),
    }
}
