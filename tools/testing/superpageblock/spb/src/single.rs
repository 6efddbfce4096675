// SPDX-License-Identifier: GPL-2.0-only
//! What does one guest report?

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::kernel::Variant;
use crate::memory::Mib;
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
    let failed = transcript.cases.iter().filter(|c| c.failure.is_some());
    match (transcript.failure(), failed.count()) {
        (None, 0) => Ok(()),
        (None, failed) => bail!("{failed} cases failed"),
        (Some(reason), _) => bail!("{reason}; the console is in build/log"),
    }
}

/// A guest that is busy for so many minutes.
pub fn soak(memory: Mib, seed: u64, minutes: u64) -> Boot {
    let arguments = [("minutes", minutes), ("rounds", 2)];
    Boot {
        name: None,
        variant: Variant::Patched,
        scenario: "soak".into(),
        seed,
        arguments: arguments
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .into(),
        cmdline: String::new(),
        memory,
        nodes: 1,
        maxmem: None,
        extra: Vec::new(),
        disks: Vec::new(),
        // A round that has begun is finished, then pages are asked for.
        timeout: Duration::from_secs(minutes * 60 + 1200),
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
