// SPDX-License-Identifier: GPL-2.0-only

//! What does PID 1 of a test guest do from the first mount to power off?
//!
//! It mounts the pseudo file systems, runs the scenario the kernel command line names, prints results in
//! the lines [`protocol`] defines, and powers the guest off. The same binary runs on stock and on patched
//! kernels; the latter are told by their debugfs directory.

mod books;
mod cached;
mod cmdline;
mod drain;
mod dump;
mod filler;
mod gigabytes;
mod holes;
mod host;
mod hugepages;
mod kworkers;
mod pagemap;
mod protocol;
mod rng;
mod scenarios;
mod sys;
mod verify;
mod workload;

use std::panic;
use std::panic::AssertUnwindSafe;

use cmdline::Cmdline;

/// The result of anything that talks to the kernel; the error is text for the console.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() {
    if std::process::id() != 1 {
        eprintln!("this is PID 1 of a test guest: it powers the machine off");
        std::process::exit(2);
    }
    sys::mounts::mount_all();
    let cmdline = Cmdline::read();
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| scenarios::run(&cmdline)));
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => protocol::fail("scenario", &error.to_string()),
        Err(payload) => protocol::fail("scenario", panic_text(payload.as_ref())),
    }
    protocol::done();
    sys::power::off();
}

/// The message of a panic, for the console.
fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        return text;
    }
    payload
        .downcast_ref::<String>()
        .map_or("panicked", String::as_str)
}
