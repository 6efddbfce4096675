// SPDX-License-Identifier: GPL-2.0-only

//! Which lines does the guest print for the host?
//!
//! `SPB: key=value`, `SPB-MAP name chars`, `SPB-LOG text`, `SPB-TEST name ok`, `SPB-TEST name FAIL reason`,
//! `SPB-ASK request` (see [`crate::host`]) and, last, `SPB: done`. They are records of the kernel's log, which
//! puts them on the console whole: what a process writes to the console itself, the kernel's lines cut.

use std::fmt::Display;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::sync::OnceLock;

use crate::sys::files;

/// The kernel's log, which writes to the console what processes write to it.
const LOG: &str = "/dev/kmsg";
/// Without "on" in a line, the kernel takes a few lines in five seconds and drops the others.
const LIMIT: &str = "/proc/sys/kernel/printk_devkmsg";

/// Prints a metric.
pub(crate) fn metric(key: &str, value: impl Display) {
    line(&format!("SPB: {key}={value}"));
}

/// Prints a metric that may not exist as `-`.
pub(crate) fn metric_or_dash(key: &str, value: Option<f64>) {
    match value {
        Some(value) => metric(key, format_args!("{value:.3}")),
        None => metric(key, "-"),
    }
}

/// Prints a block map: one character per gigabyte, see [`metrics::map::LEGEND`].
pub(crate) fn map(name: &str, symbols: &str) {
    line(&format!("SPB-MAP {name} {symbols}"));
}

/// Prints a remark.
pub(crate) fn log(text: impl Display) {
    line(&format!("SPB-LOG {text}"));
}

/// Asks the host for something; it answers with a line on the console.
pub(crate) fn ask(request: &str) {
    line(&format!("SPB-ASK {request}"));
}

/// Reports a test as passed.
pub(crate) fn ok(name: &str) {
    line(&format!("SPB-TEST {name} ok"));
}

/// Reports a test as failed.
pub(crate) fn fail(name: &str, reason: &str) {
    let reason = reason.replace('\n', "; ");
    line(&format!("SPB-TEST {name} FAIL {reason}"));
}

/// Reports a test by its result.
pub(crate) fn test(name: &str, result: crate::Result<()>) {
    match result {
        Ok(()) => ok(name),
        Err(error) => fail(name, &error.to_string()),
    }
}

/// Tells the host that nothing more comes.
pub(crate) fn done() {
    line("SPB: done");
}

fn line(text: &str) {
    // Without its end, the kernel would keep it until the next one.
    let record = format!("{text}\n");
    // Kernels take no record of more than 1024 bytes.
    if log_record(&record).is_none_or(|written| written.is_err()) {
        console(&record);
    }
}

/// Makes it a record of the kernel's log, where there is one.
fn log_record(record: &str) -> Option<io::Result<()>> {
    static KERNEL: OnceLock<Option<File>> = OnceLock::new();
    let kernel = KERNEL.get_or_init(|| {
        files::write(LIMIT, "on\n").ok()?;
        OpenOptions::new().write(true).open(LOG).ok()
    });
    // A record is what one write writes.
    kernel
        .as_ref()
        .map(|mut log| log.write_all(record.as_bytes()))
}

fn console(record: &str) {
    let mut out = io::stdout().lock();
    // A console that cannot be written leaves nobody to tell.
    let _ = out.write_all(record.as_bytes());
    let _ = out.flush();
}
