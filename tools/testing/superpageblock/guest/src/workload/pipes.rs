// SPDX-License-Identifier: GPL-2.0-only

//! How do pipe buffers come and go?
//!
//! Packet-mode pipes give every write a page of its own, however short it is.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::fd::FromRawFd;

use super::Kind;
use crate::rng::Rng;
use crate::sys::memory;
use crate::Result;

/// Pages of the largest pipe: `pipe-max-size` allows 1 MB.
const MOST_PAGES: u64 = 256;

/// Percentage of shrink steps that close the pipe instead of reading from it.
const CLOSE: u64 = 60;

/// Pipes and their contents.
#[derive(Default)]
pub(crate) struct Pipes {
    pipes: Vec<Pipe>,
    pages: u64,
}

struct Pipe {
    reader: File,
    writer: File,
    /// Packets inside, one page each.
    pages: u64,
}

/// Both ends of a new pipe for packets, with room for so many pages if that is allowed.
pub(crate) fn ends(pages: u64) -> Result<(File, File)> {
    let mut ends = [0; 2];
    let flags = libc::O_DIRECT | libc::O_NONBLOCK | libc::O_CLOEXEC;
    // SAFETY: `ends` has room for the two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), flags) } != 0 {
        return Err(format!("pipe: {}", io::Error::last_os_error()).into());
    }
    // SAFETY: the kernel just made both descriptors for us and nobody else has them.
    let (reader, writer) = unsafe { (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])) };
    let bytes = pages as usize * memory::page_bytes();
    // SAFETY: F_SETPIPE_SZ takes an integer. Refusal leaves a smaller pipe, which is fine.
    unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, bytes as libc::c_int) };
    Ok((reader, writer))
}

/// Pages of a pipe, small ones as often as large ones.
pub(crate) fn random_pages(rng: &mut Rng) -> u64 {
    rng.sized(8, MOST_PAGES)
}

/// Writes one packet: the kernel allocates a page.
pub(crate) fn put_packet(writer: &mut File) -> io::Result<()> {
    writer.write(&[1]).map(drop)
}

impl Pipes {
    /// Takes one pipe of 1 MB; for filling memory fast.
    pub(crate) fn grow_large(&mut self) -> Result<()> {
        self.grow_by(MOST_PAGES, put_packet)
    }

    /// Takes one pipe of so many pages, each put into it by `put`: [`put_packet`], or something that watches it.
    pub(crate) fn grow_by(
        &mut self,
        pages: u64,
        put: impl FnMut(&mut File) -> io::Result<()>,
    ) -> Result<()> {
        let pipe = Pipe::filled(pages, put)?;
        self.pages += pipe.pages;
        self.pipes.push(pipe);
        Ok(())
    }
}

impl Kind for Pipes {
    fn name(&self) -> &'static str {
        "pipes"
    }

    fn held(&self) -> u64 {
        self.pages * memory::page_bytes() as u64
    }

    fn grow(&mut self, rng: &mut Rng) -> Result<()> {
        self.grow_by(random_pages(rng), put_packet)
    }

    fn shrink(&mut self, rng: &mut Rng) {
        if self.pipes.is_empty() {
            return;
        }
        let index = rng.index(self.pipes.len());
        let pipe = &mut self.pipes[index];
        self.pages -= pipe.pages;
        if rng.chance(CLOSE) || pipe.pages < 2 {
            self.pipes.swap_remove(index);
            return;
        }
        pipe.take(1 + rng.below(pipe.pages - 1));
        self.pages += pipe.pages;
    }
}

impl Pipe {
    fn filled(pages: u64, mut put: impl FnMut(&mut File) -> io::Result<()>) -> Result<Self> {
        let mut pipe = Self::new(pages)?;
        while pipe.pages < pages && put(&mut pipe.writer).is_ok() {
            pipe.pages += 1;
        }
        Ok(pipe)
    }

    fn new(pages: u64) -> Result<Self> {
        let (reader, writer) = ends(pages)?;
        Ok(Self {
            reader,
            writer,
            pages: 0,
        })
    }

    /// Reads packets: their pages go.
    fn take(&mut self, packets: u64) {
        let mut byte = [0; 1];
        for _ in 0..packets {
            if self.reader.read(&mut byte).is_err() {
                return;
            }
            self.pages -= 1;
        }
    }
}
