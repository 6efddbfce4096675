// SPDX-License-Identifier: GPL-2.0-only
//! Which rules could the policy have instead of its own?

use std::fs;

use anyhow::Context;
use anyhow::Result;
use serde::Deserialize;

use crate::project::Project;

/// A rule of `replay/rules.toml`; what it changes is for the crate that compiles it.
#[derive(Deserialize)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What is different, in a sentence.
    pub why: String,
}

#[derive(Deserialize)]
struct Rules {
    rule: Vec<Rule>,
}

/// All rules.
pub fn read(project: &Project) -> Result<Vec<Rule>> {
    let path = project.tools("replay/rules.toml");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let rules: Rules = toml::from_str(&text).with_context(|| path.display().to_string())?;
    Ok(rules.rule)
}
