// SPDX-License-Identifier: GPL-2.0-only

//! How does a ring buffer of events get onto a disk, without the page cache taking part in what is recorded?
//!
//! A tape begins with [`HEADER`] bytes of text, what the kernel says of the format of the events, and goes on
//! with the pages of the ring buffer of one processor.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::protocol;
use crate::sys::files;
use crate::sys::memory;
use crate::sys::memory::Mapping;
use crate::sys::mounts;
use crate::sys::process::Child;
use crate::Result;

const EVENTS: [&str; 2] = ["mm_page_alloc", "mm_page_free"];
/// Two descriptions of 500 bytes; how to print the flags of an allocation would take thousands.
const HEADER: usize = 4096;
/// Pages that are written at once.
const PAGES: usize = 64;
/// Time in which far less than a ring buffer comes together.
const PAUSE: Duration = Duration::from_millis(20);
/// The first disk is the file system.
const DEVICES: [&str; 8] = ["vdb", "vdc", "vdd", "vde", "vdf", "vdg", "vdh", "vdi"];

/// What is there once recording has ended.
fn stopped() -> String {
    format!("{}/recording-has-ended", mounts::RAM)
}

/// Has all tapes end when their buffer is empty.
pub(crate) fn stop() -> Result<()> {
    File::create(stopped())?;
    Ok(())
}

/// A process that copies the events of one processor to a disk.
pub(crate) struct Tape {
    cpu: u64,
    copier: Child,
}

impl Tape {
    /// Starts to copy.
    pub(crate) fn start(tracing: &str, cpu: u64) -> Result<Self> {
        let Some(device) = DEVICES.get(cpu as usize) else {
            return Err("there are more processors than tapes".into());
        };
        let mut disk = OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_DIRECT)
            .open(format!("/dev/{device}"))
            .map_err(|e| format!("no disk {device} for processor {cpu}: {e}"))?;
        let pipe = format!("{tracing}/per_cpu/cpu{cpu}/trace_pipe_raw");
        let mut events = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&pipe)
            .map_err(|e| format!("{pipe}: {e}"))?;
        let header = header(tracing)?;
        let name = format!("tape {cpu}");
        let copier = Child::spawn(&name, || copy(&header, &mut events, &mut disk))?;
        Ok(Self { cpu, copier })
    }

    /// Number of the processor.
    pub(crate) fn cpu(&self) -> u64 {
        self.cpu
    }

    /// Waits until all is copied; an error if events were lost.
    pub(crate) fn finish(self, tracing: &str) -> Result<()> {
        let cpu = self.cpu;
        self.copier.wait()?;
        let stats = files::read(format!("{tracing}/per_cpu/cpu{cpu}/stats"))?;
        let lost = number(&stats, "overrun") + number(&stats, "dropped events");
        protocol::metric(&format!("events_{cpu}"), number(&stats, "read events"));
        match lost {
            0 => Ok(()),
            lost => Err(format!("{lost} events were lost").into()),
        }
    }
}

/// What follows `key:` at the start of a line.
fn number(stats: &str, key: &str) -> u64 {
    let line = stats
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.and_then(|value| value.trim().parse().ok())
        .unwrap_or(0)
}

fn header(tracing: &str) -> Result<Vec<u8>> {
    let mut header = Vec::new();
    for event in EVENTS {
        let format = files::read(format!("{tracing}/events/kmem/{event}/format"))?;
        let lines = format.lines().filter(|line| !line.starts_with("print fmt"));
        lines.for_each(|line| header.extend(format!("{line}\n").into_bytes()));
    }
    if header.len() > HEADER {
        return Err("the formats of the events do not fit onto the tape".into());
    }
    header.resize(HEADER, 0);
    Ok(header)
}

fn copy(header: &[u8], events: &mut File, disk: &mut File) -> Result<()> {
    let page = memory::page_bytes();
    let mut buffer = Mapping::new(PAGES * page, 0)?;
    let buffer = buffer.bytes();
    buffer[..header.len()].copy_from_slice(header);
    disk.write_all(&buffer[..header.len()])?;
    loop {
        let ended = Path::new(&stopped()).exists();
        let pages = fill(events, buffer, page)?;
        disk.write_all(&buffer[..pages * page])?;
        if pages < PAGES && ended {
            return Ok(());
        }
        if pages < PAGES {
            thread::sleep(PAUSE);
        }
    }
}

/// Reads pages as long as there are some; returns how many.
fn fill(events: &mut File, buffer: &mut [u8], page: usize) -> Result<usize> {
    for (number, room) in buffer.chunks_exact_mut(page).enumerate() {
        match events.read(room) {
            Ok(read) if read == page => {}
            Ok(0) => return Ok(number),
            Ok(read) => return Err(format!("a page of {read} bytes").into()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(number),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(PAGES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_is_told_from_other_lines() {
        let stats = "entries: 0\noverrun: 7\ncommit overrun: 3\nbytes: 9\ndropped events: 0\nread events: 55\n";
        assert_eq!(number(stats, "overrun"), 7);
        assert_eq!(number(stats, "read events"), 55);
        assert_eq!(number(stats, "nothing"), 0);
    }
}
