// SPDX-License-Identifier: GPL-2.0-only

//! In which order did the events on all tapes happen?

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use anyhow::ensure;
use anyhow::Context;
use anyhow::Result;

use crate::tape;
use crate::tape::Event;

/// The events of a machine, oldest first.
pub(crate) fn read(tapes: &[PathBuf]) -> Result<Vec<Event>> {
    let mut all = Vec::new();
    for path in tapes {
        let name = path.display();
        let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
        let events = tape::events(BufReader::new(file));
        all.extend(events.with_context(|| format!("{name}"))?);
    }
    ensure!(!all.is_empty(), "nothing was recorded");
    all.sort_by_key(|event| event.time);
    Ok(all)
}
