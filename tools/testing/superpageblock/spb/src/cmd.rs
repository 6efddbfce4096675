// SPDX-License-Identifier: GPL-2.0-only
//! How are other programs run, watched and reported on?

use std::fs;
use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

/// Longest silence of a long step.
const PROGRESS: Duration = Duration::from_secs(15);

/// A command that takes what guests leave of the processors.
pub fn nice(program: &str) -> Command {
    let mut command = Command::new("nice");
    command.arg(program);
    command
}

/// A command that takes what nobody else wants of them.
pub fn idle(program: &str) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n19", program]);
    command
}

/// Runs `command` and returns its standard output, trimmed.
///
/// # Errors
///
/// One line with the program's name and its first line of complaint.
pub fn output(command: &mut Command) -> Result<String> {
    let done = raw(command)?;
    if !done.status.success() {
        bail!("{}: {}", name(command), complaint(&done));
    }
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_string())
}

/// Runs `command` and returns what it did, successful or not.
pub fn raw(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", name(command)))
}

/// Whether `command` can be run and succeeds.
pub fn succeeds(command: &mut Command) -> bool {
    raw(command).is_ok_and(|done| done.status.success())
}

/// Whether a program of that name is on PATH.
pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// Says what is done now, and afterwards how long it took.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    println!("{what} ...");
    let result = work()?;
    println!("{what}: done in {:.0} s", start.elapsed().as_secs_f64());
    Ok(result)
}

/// Runs a long `command` with its output in `log`, reporting progress.
///
/// `counts` tells which lines of output are units of progress, `unit` names them.
///
/// # Errors
///
/// The first error lines of the output, and where the rest is.
pub fn logged(
    command: &mut Command,
    log: &Path,
    label: &str,
    unit: &str,
    counts: fn(&str) -> bool,
) -> Result<()> {
    if let Some(dir) = log.parent() {
        fs::create_dir_all(dir)?;
    }
    let mut file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let start = Instant::now();
    let mut shown = start;
    let mut count = 0_usize;
    let mut errors: Vec<String> = Vec::new();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", name(command)))?;
    let lines = merge(child.stdout.take(), child.stderr.take());
    loop {
        match lines.recv_timeout(Duration::from_secs(1)) {
            Ok(line) => {
                count += usize::from(counts(&line));
                if errors.len() < 20 && is_error(&line) {
                    errors.push(line.clone());
                }
                writeln!(file, "{line}")?;
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
        if shown.elapsed() >= PROGRESS {
            shown = Instant::now();
            println!(
                "{label}: {count} {unit}, {:.0} s",
                start.elapsed().as_secs_f64()
            );
        }
    }
    if !child.wait()?.success() {
        for line in &errors {
            eprintln!("{line}");
        }
        bail!("{label} failed, see {}", log.display());
    }
    println!(
        "{label}: {count} {unit} in {:.0} s",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// Lines of both streams in order of arrival; disconnects when both have ended.
pub fn merge(
    out: Option<impl std::io::Read + Send + 'static>,
    err: Option<impl std::io::Read + Send + 'static>,
) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    if let Some(out) = out {
        forward(out, sender.clone());
    }
    if let Some(err) = err {
        forward(err, sender);
    }
    receiver
}

fn forward(stream: impl std::io::Read + Send + 'static, sender: mpsc::Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line)
                .trim_end_matches('\r')
                .to_string();
            if sender.send(line).is_err() {
                break;
            }
        }
    });
}

fn is_error(line: &str) -> bool {
    ["error:", "error[", "Error ", "undefined symbol", "***"]
        .iter()
        .any(|mark| line.contains(mark))
}

fn name(command: &Command) -> String {
    let program = match command.get_program() {
        nice if nice == "nice" => {
            let mut words = command.get_args();
            words.find(|word| *word != "-n19").unwrap_or(nice)
        }
        program => program,
    };
    program.to_string_lossy().into_owned()
}

/// First line of what a failed program wrote.
pub fn complaint(done: &Output) -> String {
    let text = String::from_utf8_lossy(if done.stderr.is_empty() {
        &done.stdout
    } else {
        &done.stderr
    });
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .next()
        .map_or_else(|| done.status.to_string(), |line| line.trim().to_string())
}

/// Runs `command` with `input` on standard input and returns its output, trimmed.
pub fn feed(command: &mut Command, input: &[u8]) -> Result<String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", name(command)))?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    let input = input.to_vec();
    let writer = thread::spawn(move || stdin.write_all(&input));
    let done = child.wait_with_output()?;
    let _ = writer.join();
    if !done.status.success() {
        bail!("{}: {}", name(command), complaint(&done));
    }
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nice_command_is_called_by_its_own_name() {
        assert_eq!(name(&nice("make")), "make");
        assert_eq!(name(&idle("cargo")), "cargo");
        assert_eq!(name(&Command::new("git")), "git");
    }
}
