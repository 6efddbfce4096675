// SPDX-License-Identifier: GPL-2.0-only

//! Which lines does the guest print for the host?
//!
//! `SPB: key=value`, `SPB-MAP name chars`, `SPB-LOG text`, `SPB-TEST name ok`, `SPB-TEST name FAIL reason`,
//! `SPB-ASK request` (see [`crate::host`]) and, last, `SPB: done`. Each goes out in one write, so that lines of several processes do not mix.

use std::fmt::Display;
use std::io::Write;

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

/// Waits until the console has printed everything: before what would stop it in the middle of a line.
pub(crate) fn drain() {
    // SAFETY: tcdrain has no memory preconditions; where there is no console there is nothing to wait for.
    unsafe { libc::tcdrain(libc::STDOUT_FILENO) };
}

fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    // A console that cannot be written leaves nobody to tell.
    let _ = out.write_all(format!("{text}\n").as_bytes());
    let _ = out.flush();
}
