// SPDX-License-Identifier: GPL-2.0-only

//! How is one program run, ended when it takes too long, and cleaned up after?

use std::fs;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use super::plan::Test;
use super::tools;
use crate::Result;

const OUTPUT: &str = "/tmp/selftest.output";
/// Exit code by which a kernel selftest says that it was not applicable.
const SKIP: i32 = 4;
/// How often the end of a program is looked for.
const POLL: Duration = Duration::from_millis(10);
/// Time that processes get to disappear once they are killed.
const REAP: Duration = Duration::from_secs(5);

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Exit code 0.
    Passed,
    /// Exit code 4.
    Skipped,
    /// Another exit code.
    Failed(i32),
    /// A signal.
    Killed(i32),
    /// Its time was up.
    TimedOut,
}

/// What a program did.
pub(crate) struct Run {
    /// How it ended.
    pub(crate) end: End,
    /// How long it took.
    pub(crate) took: Duration,
    /// Standard output and error.
    pub(crate) output: String,
}

/// Runs the program to its end and kills every process it left behind.
pub(crate) fn run(test: &Test) -> Result<Run> {
    let file = File::create(OUTPUT)?;
    let mut command = Command::new(&test.words[0]);
    command
        .args(&test.words[1..])
        .env("PATH", tools::PATH)
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .process_group(0);
    if test.uid != 0 {
        command.uid(test.uid).gid(test.uid);
    }
    let start = Instant::now();
    let mut child = command
        .spawn()
        .map_err(|error| format!("{}: {error}", test.words[0]))?;
    let end = wait(&mut child, start + test.limit)?;
    let took = start.elapsed();
    clear();
    // Tests print file names and memory; not all of it is text.
    let output = String::from_utf8_lossy(&fs::read(OUTPUT)?).into_owned();
    Ok(Run { end, took, output })
}

fn wait(child: &mut Child, limit: Instant) -> Result<End> {
    while Instant::now() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(end(status));
        }
        thread::sleep(POLL);
    }
    Ok(End::TimedOut)
}

fn end(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(0), _) => End::Passed,
        (Some(SKIP), _) => End::Skipped,
        (Some(code), _) => End::Failed(code),
        (None, signal) => End::Killed(signal.unwrap_or(0)),
    }
}

/// Kills all processes but this one, PID 1, and reaps them.
fn clear() {
    let limit = Instant::now() + REAP;
    // SAFETY: kill has no memory preconditions; -1 spares PID 1 and kernel threads.
    unsafe { libc::kill(-1, libc::SIGKILL) };
    while Instant::now() < limit {
        // SAFETY: waitpid accepts a null status.
        match unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } {
            -1 => return,
            0 => thread::sleep(POLL),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_is_skip_and_a_signal_is_no_code() {
        assert_eq!(end(ExitStatus::from_raw(0)), End::Passed);
        assert_eq!(end(ExitStatus::from_raw(4 << 8)), End::Skipped);
        assert_eq!(end(ExitStatus::from_raw(1 << 8)), End::Failed(1));
        assert_eq!(end(ExitStatus::from_raw(11)), End::Killed(11));
    }
}
