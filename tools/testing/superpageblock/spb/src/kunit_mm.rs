// SPDX-License-Identifier: GPL-2.0-only
//! Do the kernel's own KUnit suites of mm give the same on stock and patched?

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::bail;
use anyhow::Result;

use crate::cmd;
use crate::headers::Headers;
use crate::kernel::Variant;
use crate::ktap;
use crate::kunit;
use crate::selftests::Outcome;
use crate::selftests::Pair;
use crate::selftests::Table;
use crate::session::Session;
use crate::transcript::Case;

/// Fragment with the suites.
const CONFIG: &str = "kunit-mm.config";
/// What patched has on top.
const PATCHED: [&str; 2] = ["CONFIG_SUPERPAGEBLOCK=y", "CONFIG_SUPERPAGEBLOCK_POLICY=y"];
/// Enough memory for complete gigabytes, so that the policy is at work.
const MEMORY: &str = "mem=3G";
const ATTACHED: &str = "superpageblock: attached";

/// Both user-mode kernels, ready to run.
pub struct Kernels {
    stock: PathBuf,
    patched: PathBuf,
}

/// Builds both kernels.
pub fn build(session: &Session) -> Result<Kernels> {
    let tree = session.tree()?.dir;
    Ok(Kernels {
        stock: build_one(session, Variant::Stock, &session.base.source)?,
        patched: build_one(session, Variant::Patched, &tree)?,
    })
}

/// Runs all suites on both kernels and adds one row per suite to `table`.
pub fn compare(session: &Session, kernels: &Kernels, table: &mut Table) -> Result<()> {
    let stock = suites(&run(session, Variant::Stock, &kernels.stock)?);
    let mut patched = suites(&run(session, Variant::Patched, &kernels.patched)?);
    if stock.is_empty() {
        bail!("stock ran no KUnit suite, see build/log/stock-kunit-mm.log");
    }
    for (name, outcome) in stock {
        let missing = || Outcome {
            end: "no result".to_string(),
            ..Outcome::new(&name)
        };
        let other = patched.remove(&name).unwrap_or_else(missing);
        table.add(Pair::new(outcome, other));
    }
    Ok(())
}

fn build_one(session: &Session, variant: Variant, source: &Path) -> Result<PathBuf> {
    let (project, toolchain) = (&session.project, &session.setup.toolchain);
    let name = format!("kunit-mm-{}", variant.name());
    let (out, config) = (project.build(&name), project.tools("configs").join(CONFIG));
    fs::create_dir_all(&out)?;
    let kunit = |what| {
        let mut kunit = kunit::command(toolchain, (source, &out), &config, what);
        if variant != Variant::Stock {
            for option in PATCHED {
                kunit.args(["--kconfig_add", option]);
            }
        }
        kunit
    };
    cmd::output(&mut kunit("config"))?;
    let headers = Headers::of(project, toolchain, (source, &out), "um", &name)?;
    let mut build = kunit("build");
    build.arg(format!("--jobs={}", project.jobs));
    headers.iter().for_each(|headers| headers.tell(&mut build));
    let label = format!("{} kernel with mm's KUnit suites", variant.name());
    let log = project.build(format!("log/{}-kunit-mm-build.log", variant.name()));
    cmd::logged(&mut build, &log, &label, "lines", |_| true)?;
    Ok(out.join("linux"))
}

fn run(session: &Session, variant: Variant, linux: &Path) -> Result<Vec<Case>> {
    let start = Instant::now();
    let mut command = Command::new(linux);
    command.args([
        MEMORY,
        "console=tty",
        "kunit_shutdown=halt",
        "kunit.enable=1",
    ]);
    let done = cmd::raw(&mut command)?;
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let log = session
        .project
        .build(format!("log/{}-kunit-mm.log", variant.name()));
    fs::write(&log, &text)?;
    println!(
        "mm's KUnit suites on {}: {:.0} s",
        variant.name(),
        start.elapsed().as_secs_f64()
    );
    if variant != Variant::Stock && !text.contains(ATTACHED) {
        bail!(
            "the patched user-mode kernel does not say '{ATTACHED}', see {}",
            log.display()
        );
    }
    Ok(ktap::cases(text.lines()))
}

/// One outcome per suite.
fn suites(cases: &[Case]) -> BTreeMap<String, Outcome> {
    let mut suites: BTreeMap<String, Outcome> = BTreeMap::new();
    for case in cases {
        let (suite, name) = case.name.split_once('.').unwrap_or((&case.name, "suite"));
        let title = format!("kunit {suite}");
        let outcome = suites.entry(title.clone()).or_insert_with(|| Outcome {
            end: "pass".to_string(),
            ..Outcome::new(&title)
        });
        match case.failure {
            None => outcome.passed += 1,
            Some(_) => {
                outcome.end = "fail".to_string();
                outcome.failed.insert(name.to_string());
            }
        }
    }
    suites
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_case_fails_its_suite_only() {
        let case = |name: &str, failed: bool| Case {
            name: name.to_string(),
            failure: failed.then(|| "see log".to_string()),
        };
        let found = suites(&[
            case("damon.a", false),
            case("slub_test.a", false),
            case("slub_test.b", true),
        ]);
        assert_eq!(found["kunit damon"].end, "pass");
        assert_eq!(found["kunit slub_test"].end, "fail");
        assert!(found["kunit slub_test"].failed.contains("b"));
    }
}
