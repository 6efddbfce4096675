// SPDX-License-Identifier: GPL-2.0-only
//! Does everything work?

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::cases::Cases;
use crate::hooks;
use crate::kernel::Variant;
use crate::ktap;
use crate::kunit;
use crate::matrix::Row;
use crate::matrix::ROWS;
use crate::session::Boot;
use crate::session::Session;
use crate::transcript::Transcript;
use crate::workspace;

/// Runs all steps and prints the summary.
pub fn everything(session: &mut Session) -> Result<()> {
    let mut cases = Cases::default();
    workspace::test(&session.project, &mut cases);
    let variants: Vec<Variant> = [Variant::Patched, Variant::Debug]
        .into_iter()
        .filter(|v| is_used(*v))
        .collect();
    let built: Vec<Variant> = variants
        .into_iter()
        .filter(|v| builds(session, *v, &mut cases))
        .collect();
    kunit_step(session, &mut cases);
    if built.contains(&Variant::Patched) {
        hooks::test(session, &mut cases);
    }
    session.unlock();
    for row in ROWS.iter().filter(|row| built.contains(&row.variant)) {
        guest(session, row, &mut cases);
    }
    cases.finish()
}

/// Runs only the KUnit suites.
pub fn only_kunit(session: &Session) -> Result<()> {
    let mut cases = Cases::default();
    kunit_step(session, &mut cases);
    cases.finish()
}

fn is_used(variant: Variant) -> bool {
    ROWS.iter().any(|row| row.variant == variant)
}

fn builds(session: &Session, variant: Variant, cases: &mut Cases) -> bool {
    let result = session.build(variant).map(drop);
    let built = result.is_ok();
    cases.record(&format!("{} kernel builds", variant.name()), result);
    built
}

fn kunit_step(session: &Session, cases: &mut Cases) {
    if let Some(tree) = cases.attempt("tree", || session.tree()) {
        kunit::test(&session.project, &session.setup.toolchain, &tree, cases);
    }
}

/// One guest: its own cases, the KUnit cases of its boot, and whether it ran to its end in peace.
fn guest(session: &Session, row: &Row, cases: &mut Cases) {
    let Some(transcript) = cases.attempt(row.name, || session.boot(&boot(session, row)?)) else {
        return;
    };
    cases.record_all(row.name, &transcript.cases);
    let kunit = ktap::cases(transcript.lines.iter().map(String::as_str));
    cases.record_all(&format!("{}: kunit on x86", row.name), &kunit);
    cases.record(row.name, judge(row, &transcript));
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
        gigabytes(transcript)?;
    }
    Ok(())
}

/// The bars of the design: yield 1, spread at most 1.25, migration cost at most 1.1.
fn gigabytes(transcript: &Transcript) -> Result<()> {
    let value = |key: &str| -> Result<f64> {
        let text = transcript.values.get(key);
        let text = text.with_context(|| format!("the guest did not report {key}"))?;
        text.parse()
            .with_context(|| format!("{key} is '{text}', not a number"))
    };
    let (possible, obtained) = (value("possible")?, value("obtained")?);
    if possible < 1.0 || obtained < possible {
        bail!("{obtained} of {possible} possible 1 GB pages");
    }
    for (key, most) in [("spread", 1.25), ("migration_cost", 1.1)] {
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

fn boot(session: &Session, row: &Row) -> Result<Boot> {
    Ok(Boot {
        variant: row.variant,
        scenario: row.scenario.to_string(),
        seed: 1,
        arguments: BTreeMap::new(),
        cmdline: row.cmdline.to_string(),
        memory: row.memory,
        nodes: row.nodes,
        disks: disks(session, row)?,
        timeout: Duration::from_secs(row.seconds),
    })
}

/// Empty sparse images.
fn disks(session: &Session, row: &Row) -> Result<Vec<PathBuf>> {
    let mut disks = Vec::new();
    for (number, mib) in row.disks.iter().enumerate() {
        let path = session
            .project
            .build(format!("disk/{}-{number}.img", row.name.replace(' ', "-")));
        let Some(dir) = path.parent() else {
            bail!("no place for disks");
        };
        fs::create_dir_all(dir)?;
        File::create(&path)?.set_len(mib << 20)?;
        disks.push(path);
    }
    Ok(disks)
}
