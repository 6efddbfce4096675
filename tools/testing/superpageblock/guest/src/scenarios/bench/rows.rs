// SPDX-License-Identifier: GPL-2.0-only

//! How are the rows of the module `spb_bench` measured?

use std::fs;
use std::io;
use std::path::Path;

use super::mark;
use crate::drain;
use crate::protocol;
use crate::sys::files;
use crate::sys::module;
use crate::Result;

const MODULE: &str = "spb_bench";
const FILES: &str = "/sys/kernel/debug/spb_bench";

/// In the order in which they run: the last changes what is free most.
const CLASSES: [&str; 5] = ["percpu", "bulk", "high", "edges", "fallback"];

/// Decides how many pages per-CPU lists keep at most: a share of their zone.
const LISTS: &str = "/proc/sys/vm/percpu_pagelist_high_fraction";
/// Two hundred and fifty pages, the least there is.
const SHORT: &str = "100000";
/// Two thousand pages. Otherwise the lists grow with what is asked of them, and nothing gets to those behind them.
const FIXED: &str = "400";
/// The kernel's own choice.
const USUAL: &str = "0";

/// Inserts the module, and says what a tick of its clock is worth.
pub(super) fn insert() -> Result<()> {
    module::load(format!("/lib/{MODULE}.ko"), "")
        .map_err(|error| format!("insmod {MODULE}: {error}"))?;
    let scale = files::read_number(Path::new(FILES).join("scale"))?;
    protocol::metric("bench_ticks_per_million", scale);
    Ok(())
}

/// Removes it.
pub(super) fn remove() -> Result<()> {
    module::unload(MODULE).map_err(|error| format!("rmmod {MODULE}: {error}").into())
}

/// Runs all rows and reports what they give.
pub(super) fn measure(state: &str) {
    for class in CLASSES {
        for file in files::entries(Path::new(FILES).join(class)) {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let row = format!("{state}.{class}.{name}");
            mark::row(&row);
            protocol::test(&row, empty_lists().and_then(|()| one(&file, &row)));
        }
    }
    protocol::test(&format!("{state}_usual_lists"), files::write(LISTS, USUAL));
}

/// Leaves next to nothing on the per-CPU lists, so that each row finds the same room there.
fn empty_lists() -> Result<()> {
    files::write(LISTS, SHORT)?;
    drain::decay();
    files::write(LISTS, FIXED)
}

/// Each line of the file is an operation and its figures. Fragmented memory may lack what a row needs.
fn one(file: &Path, row: &str) -> Result<()> {
    let text = match fs::read_to_string(file) {
        Err(error) if lacks(&error) => {
            protocol::metric(&format!("bench.{row}"), "none");
            return Ok(());
        }
        text => text?,
    };
    for line in text.lines() {
        let (operation, figures) = line
            .split_once(' ')
            .ok_or_else(|| format!("{line:?} has no figures"))?;
        protocol::metric(&format!("bench.{row}.{operation}"), figures);
    }
    match text.is_empty() {
        true => Err("the file is empty".into()),
        false => Ok(()),
    }
}

fn lacks(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENODATA)
}
