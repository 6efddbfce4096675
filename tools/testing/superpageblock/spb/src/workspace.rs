// SPDX-License-Identifier: GPL-2.0-only
//! Do the tests that run on the host pass?

use std::path::Path;

use anyhow::anyhow;
use anyhow::Result;

use crate::cases::Cases;
use crate::cmd;
use crate::project::Project;
use crate::transcript::Case;

/// Workspaces with tests, and the names of their logs.
const WORKSPACES: [(&str, &str); 2] = [("Cargo.toml", "host"), ("guest/Cargo.toml", "guest")];

/// Runs `cargo test` over the workspaces, one case per test.
pub fn test(project: &Project, cases: &Cases) {
    for (manifest, name) in WORKSPACES {
        if project.tools(manifest).exists() {
            test_one(project, manifest, name, cases);
        }
    }
}

fn test_one(project: &Project, manifest: &str, name: &str, cases: &Cases) {
    let log = project.build(format!("log/{name}-test.log"));
    let label = format!("{name} tests");
    let Some((found, succeeded)) = cases.attempt(&label, || run(project, manifest, &label, &log))
    else {
        return;
    };
    let explained = found.iter().any(|case| case.failure.is_some());
    cases.record_all(&label, &found);
    if !succeeded && !explained {
        cases.record(
            &label,
            Err(anyhow!("cargo test failed, see {}", log.display())),
        );
    }
}

fn run(project: &Project, manifest: &str, label: &str, log: &Path) -> Result<(Vec<Case>, bool)> {
    let mut cargo = cmd::idle("cargo");
    cargo
        .args([
            "test",
            "--release",
            "--workspace",
            "--locked",
            "--no-fail-fast",
            "--manifest-path",
        ])
        .arg(project.tools(manifest))
        .env("CARGO_TARGET_DIR", project.build("cargo"))
        .env_remove("INIT");
    let result = cmd::logged(&mut cargo, log, label, "tests", |line| case(line).is_some());
    let text = std::fs::read_to_string(log)?;
    Ok((text.lines().filter_map(case).collect(), result.is_ok()))
}

/// `test path::name ... ok`, as libtest prints it.
fn case(line: &str) -> Option<Case> {
    let (name, outcome) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let failure = match outcome.split_whitespace().next()? {
        "ok" => None,
        "FAILED" => Some("see build/log".to_string()),
        _ => return None,
    };
    Some(Case {
        name: name.to_string(),
        failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_tests_are_no_cases() {
        assert!(case("test a::b ... ok").is_some_and(|c| c.failure.is_none()));
        assert!(case("test a::b ... FAILED").is_some_and(|c| c.failure.is_some()));
        assert!(case("test a::b ... ignored").is_none());
        assert!(case("test result: ok. 3 passed; 0 failed").is_none());
    }
}
