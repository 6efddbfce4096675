// SPDX-License-Identifier: GPL-2.0-only
//! Does everything work?

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::path::PathBuf;
use std::ptr;
use std::thread;
use std::time::Duration;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::bench::Counting;
use crate::cases::Cases;
use crate::kernel::Variant;
use crate::ktap;
use crate::kunit;
use crate::lanes;
use crate::matrix::Row;
use crate::matrix::ROWS;
use crate::mkfs;
use crate::modules;
use crate::modules::POLICY;
use crate::modules::TESTS;
use crate::refusals;
use crate::session::Boot;
use crate::session::Session;
use crate::transcript::Transcript;
use crate::twins::Twins;
use crate::workspace;

/// Runs all steps and prints the summary.
pub fn everything(session: &Session) -> Result<()> {
    let cases = Cases::default();
    let rows: Vec<&Row> = ROWS.iter().collect();
    around(session, &rows, &cases, &Twins::default(), || {});
    cases.finish()
}

/// Runs all steps; `further` builds what is needed later.
pub fn around(
    session: &Session,
    rows: &[&Row],
    cases: &Cases,
    twins: &Twins,
    further: impl FnOnce() + Send,
) {
    let counting = Counting::new(session, cases);
    thread::scope(|scope| {
        scope.spawn(|| workspace::test(&session.project, cases));
        lanes::run(session, rows, (cases, twins), Some(&counting), further);
    });
    session.unlock();
    counting.judge();
    refusals::test(&session.project, cases);
}

/// Runs only the KUnit suites.
pub fn only_kunit(session: &Session) -> Result<()> {
    let cases = Cases::default();
    kunit_step(session, &cases);
    cases.finish()
}

/// Builds a kernel; whether it could be built is a case.
pub fn builds(session: &Session, variant: Variant, rows: &[&Row], cases: &Cases) -> bool {
    let result = session.build(variant).map(drop);
    let built = result.is_ok();
    cases.record(&format!("{} kernel builds", variant.name()), result);
    if built {
        modules_of(session, variant, rows, cases);
    }
    built
}

/// Builds the modules that guests of a kernel get.
fn modules_of(session: &Session, variant: Variant, rows: &[&Row], cases: &Cases) {
    let scenarios: Vec<&str> = rows
        .iter()
        .filter(|row| row.variant == variant)
        .map(|row| row.scenario)
        .collect();
    for (what, kit) in [("policy", &POLICY), ("tests", &TESTS)] {
        let gets = |scenario: &&str| modules::wanted(scenario).is_some_and(|k| ptr::eq(k, kit));
        if scenarios.iter().any(gets) {
            let result = modules::for_variant(session, variant, kit).map(drop);
            cases.record(
                &format!("{what} as module, {} kernel", variant.name()),
                result,
            );
        }
    }
}

/// Builds the KUnit suites for user-mode Linux and runs them.
pub fn kunit_step(session: &Session, cases: &Cases) {
    if let Some(tree) = cases.attempt("tree", || session.tree()) {
        kunit::test(&session.project, &session.setup.toolchain, &tree, cases);
    }
}

/// One guest: its own cases, the KUnit cases of its boot, and whether it ran to its end in peace.
pub fn guest(session: &Session, row: &Row, cases: &Cases, twins: &Twins) {
    let Some(transcript) = cases.attempt(row.name, || session.boot(&boot(session, row)?)) else {
        return;
    };
    cases.record_all(row.name, &transcript.cases);
    let kunit = ktap::cases(transcript.lines.iter().map(String::as_str));
    cases.record_all(&format!("{}: kunit on x86", row.name), &kunit);
    let judged = judge(row, &transcript);
    twins.add(row.name, &transcript, &judged);
    cases.record(row.name, judged);
}

/// Whether a guest ran to its end in peace and showed what its row asks for.
fn judge(row: &Row, transcript: &Transcript) -> Result<()> {
    if let Some(reason) = transcript.failure() {
        bail!("{reason}");
    }
    if !transcript
        .lines
        .iter()
        .any(|line| line.contains(row.console))
    {
        bail!("the console does not say '{}'", row.console);
    }
    if row.gigabytes {
        gigabytes(row, transcript)?;
    }
    Ok(())
}

/// The bars of the design: yield 1, spread at most 1.25, migration cost at most 1.1 after churn. What was tainted before
/// the policy came is not its fault.
fn gigabytes(row: &Row, transcript: &Transcript) -> Result<()> {
    let value = |key: &str| -> Result<f64> {
        let text = transcript.values.get(key);
        let text = text.with_context(|| format!("the guest did not report {key}"))?;
        text.parse()
            .with_context(|| format!("{key} is '{text}', not a number"))
    };
    let (possible, obtained) = (value("possible")?, value("obtained")?);
    let before = f64::from(row.tainted_before);
    if possible < 1.0 || obtained + before < possible {
        bail!(
            "{obtained} of {possible} possible 1 GB pages{}",
            maps(transcript)
        );
    }
    let spread = 1.25 + before;
    for (key, most) in [("spread", spread), ("migration_cost", row.migration_cost)] {
        let found = value(key)?;
        if found > most {
            bail!("{key} is {found}, at most {most} is allowed");
        }
    }
    match transcript.values.get("live_kept").map(String::as_str) {
        Some("yes") => Ok(()),
        _ => bail!("the live set was not kept"),
    }
}

/// What each gigabyte held, for whoever asks what was in the way.
fn maps(transcript: &Transcript) -> String {
    let maps = transcript.maps.iter();
    maps.map(|(name, map)| format!(", {name} {map}")).collect()
}

fn boot(session: &Session, row: &Row) -> Result<Boot> {
    Ok(Boot {
        name: Some(row.name.to_string()),
        variant: row.variant,
        scenario: row.scenario.to_string(),
        seed: 1,
        arguments: BTreeMap::new(),
        cmdline: row.cmdline.to_string(),
        memory: row.memory,
        nodes: row.nodes,
        maxmem: row.maxmem,
        extra: row.qemu.split_whitespace().map(String::from).collect(),
        disks: disks(session, row.name, row.disks, row.mkfs)?,
        timeout: Duration::from_secs(row.seconds),
    })
}

/// Sparse images of sizes in MiB, each with a file system of a kind, or empty without kind.
pub fn disks(session: &Session, name: &str, sizes: &[u64], kind: &str) -> Result<Vec<PathBuf>> {
    let mut disks = Vec::new();
    for (number, mib) in sizes.iter().enumerate() {
        let path = session
            .project
            .build(format!("disk/{}-{number}.img", name.replace(' ', "-")));
        let Some(dir) = path.parent() else {
            bail!("no place for disks");
        };
        fs::create_dir_all(dir)?;
        File::create(&path)?.set_len(mib << 20)?;
        mkfs::fill(&path, kind)?;
        disks.push(path);
    }
    Ok(disks)
}
