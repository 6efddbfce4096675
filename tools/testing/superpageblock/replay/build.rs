// SPDX-License-Identifier: GPL-2.0-only
//! With which rules is the policy compiled?
//!
//! The policy has no switches: its tables and constants are what they are in the kernel. To try others, its
//! files are copied, and the text is changed that `rules.toml` says for the rule named by `REPLAY_RULE`.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::ensure;
use anyhow::Context;
use anyhow::Result;
use serde::Deserialize;

const POLICY: &str = "../../../../mm/superpageblock/policy";
const RULES: &str = "rules.toml";

#[derive(Deserialize)]
struct Rules {
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    name: String,
    change: Vec<Change>,
}

/// Text of a file of the policy, and what takes its place.
#[derive(Deserialize)]
struct Change {
    file: String,
    from: String,
    to: String,
}

fn main() -> Result<()> {
    println!("cargo::rerun-if-env-changed=REPLAY_RULE");
    println!("cargo::rerun-if-changed={RULES}");
    println!("cargo::rerun-if-changed={POLICY}");
    let rules: Rules = toml::from_str(&fs::read_to_string(RULES)?)?;
    // A rule that no longer fits the policy is noticed by whoever compiles any of them.
    for rule in &rules.rule {
        changed(rule).with_context(|| format!("{RULES}, rule '{}'", rule.name))?;
    }
    let name = env::var("REPLAY_RULE").unwrap_or_default();
    let chosen = rules.rule.iter().find(|rule| rule.name == name);
    ensure!(
        chosen.is_some() || name.is_empty(),
        "{RULES} has no rule '{name}'"
    );

    let out = PathBuf::from(env::var("OUT_DIR")?);
    let copy = out.join("policy");
    fs::create_dir_all(&copy)?;
    for (file, text) in files()? {
        fs::write(copy.join(file), for_all(&text))?;
    }
    for (file, text) in chosen.map_or(Ok(Vec::new()), changed)? {
        fs::write(copy.join(file), for_all(&text))?;
    }
    let module = format!("#[path = {:?}]\nmod policy;\n", copy.join("mod.rs"));
    fs::write(out.join("policy.rs"), module)?;
    Ok(())
}

/// With what otherwise only the policy's tests have, for the model of a zone uses it, and without the tests.
fn for_all(text: &str) -> String {
    let text = text.replace(
        "any(test, CONFIG_SUPERPAGEBLOCK_KUNIT_TEST)",
        "CONFIG_SUPERPAGEBLOCK_KUNIT_TEST",
    );
    let lines = text.lines().filter(|line| line.trim() != "#[cfg(test)]");
    lines.map(|line| format!("{line}\n")).collect()
}

/// The files of the policy.
fn files() -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(POLICY)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        files.push((name, fs::read_to_string(entry.path())?));
    }
    Ok(files)
}

/// The files that a rule changes, as they are then.
fn changed(rule: &Rule) -> Result<Vec<(String, String)>> {
    let mut files: Vec<(String, String)> = Vec::new();
    for change in &rule.change {
        let known = files.iter().position(|(file, _)| *file == change.file);
        let at = match known {
            Some(at) => at,
            None => {
                let path = Path::new(POLICY).join(&change.file);
                let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                files.push((change.file.clone(), text));
                files.len() - 1
            }
        };
        let text = &mut files[at].1;
        let found = text.matches(&change.from).count();
        ensure!(
            found == 1,
            "'{}' is in {} {found} times, not once",
            change.from,
            change.file
        );
        *text = text.replace(&change.from, &change.to);
    }
    Ok(files)
}
