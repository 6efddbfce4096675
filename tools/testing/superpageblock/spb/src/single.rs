// SPDX-License-Identifier: GPL-2.0-only
//! What does one guest report?

use std::collections::BTreeMap;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::modules;
use crate::session::Boot;
use crate::session::Session;

/// Builds the kernel, runs the guest and prints values, maps, cases and splats.
pub fn run(session: &mut Session, boot: &Boot) -> Result<()> {
    session.build(boot.variant)?;
    if let Some(kit) = modules::wanted(&boot.scenario) {
        modules::for_variant(session, boot.variant, kit)?;
    }
    session.unlock();
    let transcript = session.boot(boot)?;
    for (key, value) in &transcript.values {
        println!("{key}={value}");
    }
    for (name, map) in &transcript.maps {
        println!("{name:8} {map}");
    }
    for case in &transcript.cases {
        println!("{} {}", case.failure.as_deref().unwrap_or("ok"), case.name);
    }
    for splat in &transcript.splats {
        println!("splat: {splat}");
    }
    println!("guest ran {:.1} s", transcript.seconds);
    match transcript.failure() {
        None => Ok(()),
        Some(reason) => bail!("{reason}; the console is in build/log"),
    }
}

/// `KEY=VALUE` words as a map.
pub fn pairs(words: &[String]) -> Result<BTreeMap<String, String>> {
    let pair = |word: &String| {
        let (key, value) = word
            .split_once('=')
            .with_context(|| format!("{word}: say KEY=VALUE"))?;
        Ok((key.to_string(), value.to_string()))
    };
    words.iter().map(pair).collect()
}
