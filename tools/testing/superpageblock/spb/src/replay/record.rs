// SPDX-License-Identifier: GPL-2.0-only
//! How are the allocations of programs recorded?

use std::fs;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use super::image;
use crate::fingerprint;
use crate::fingerprint::Fingerprint;
use crate::kernel::Variant;
use crate::memory::Mib;
use crate::project::Project;
use crate::session::Boot;
use crate::session::Session;

/// What is recorded, with the seconds after which it is ended: `replay/workloads/NAME.sh`. All of them in a row on one
/// machine: each finds it as the ones before have left it.
const WORKLOADS: [(&str, u64); 1] = [("day", 840)];
const CPUS: usize = 2;
/// A tape takes some 70 bytes for each event; what is not written takes no room.
const TAPE_MIB: u64 = 4096;
/// Time for booting, and for ending.
const AROUND: u64 = 120;
/// Everything from boot on; buffers that the copiers empty many times a second; one clock for all processors.
const EVENTS: &str =
    "trace_event=kmem:mm_page_alloc,kmem:mm_page_free trace_buf_size=32M trace_clock=global";

/// What a guest has recorded.
pub struct Recording {
    /// Name of the workload.
    pub name: String,
    tapes: Vec<PathBuf>,
}

impl Recording {
    fn of(project: &Project, name: &str) -> Self {
        let tapes = (0..CPUS).map(|cpu| project.build(format!("replay/{name}.cpu{cpu}")));
        Self {
            name: name.to_string(),
            tapes: tapes.collect(),
        }
    }

    /// As the replay wants it.
    pub fn argument(&self) -> String {
        let tapes: Vec<String> = self
            .tapes
            .iter()
            .map(|tape| tape.display().to_string())
            .collect();
        format!("{}={}", self.name, tapes.join(","))
    }
}

/// All recordings of machines with so much memory; makes those that are missing, or all.
pub fn recordings(session: &mut Session, memory: Mib, anew: bool) -> Result<Vec<Recording>> {
    WORKLOADS
        .iter()
        .map(|(name, seconds)| {
            let recording = Recording::of(&session.project, name);
            let stamp = session.project.build(format!("replay/{name}.stamp"));
            let what = (memory.0, seconds, CPUS, EVENTS, image::key(session)?);
            let key = Fingerprint::default().add(what).hex();
            if anew || !fingerprint::matches(&stamp, &key) {
                let _ = fs::remove_file(&stamp);
                record(session, &recording, memory, *seconds)?;
                fingerprint::write(&stamp, &key)?;
            }
            Ok(recording)
        })
        .collect()
}

fn record(session: &Session, recording: &Recording, memory: Mib, seconds: u64) -> Result<()> {
    let image = image::ensure(session)?;
    session.build(Variant::Stock)?;
    for tape in &recording.tapes {
        let file = File::create(tape).with_context(|| tape.display().to_string())?;
        file.set_len(TAPE_MIB << 20)?;
    }
    let arguments = [
        ("workload", recording.name.clone()),
        ("seconds", seconds.to_string()),
    ];
    let transcript = session.boot(&Boot {
        name: Some(format!("recording {}", recording.name)),
        variant: Variant::Stock,
        scenario: "record".to_string(),
        seed: 1,
        arguments: arguments
            .map(|(key, value)| (key.to_string(), value))
            .into(),
        cmdline: EVENTS.to_string(),
        memory,
        nodes: 1,
        maxmem: None,
        // The first disk; what the programs write to it is forgotten.
        extra: vec![
            "-drive".to_string(),
            format!(
                "file={},if=virtio,format=raw,snapshot=on",
                image.display().to_string().replace(',', ",,")
            ),
        ],
        disks: recording.tapes.clone(),
        timeout: Duration::from_secs(seconds + AROUND),
    })?;
    let failed = transcript
        .cases
        .iter()
        .find_map(|case| case.failure.clone());
    match transcript.failure().or(failed) {
        None => Ok(()),
        Some(reason) => bail!(
            "recording {}: {reason}; the console is in build/log",
            recording.name
        ),
    }
}
