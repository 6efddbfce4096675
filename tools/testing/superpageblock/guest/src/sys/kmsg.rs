// SPDX-License-Identifier: GPL-2.0-only

//! What does the kernel log?

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::os::unix::fs::OpenOptionsExt;

use crate::Result;

const PATH: &str = "/dev/kmsg";
/// Longest record the kernel hands out (`PRINTK_MESSAGE_MAX`).
const RECORD: usize = 8192;

/// A reader of the kernel's log.
#[derive(Debug)]
pub(crate) struct Kmsg(File);

impl Kmsg {
    /// Reads what is logged from now on.
    pub(crate) fn from_now() -> Result<Self> {
        let mut log = Self::from_start()?;
        log.0.seek(SeekFrom::End(0))?;
        Ok(log)
    }

    /// Reads what is still in the log, and what follows.
    pub(crate) fn from_start() -> Result<Self> {
        let mut options = OpenOptions::new();
        let opened = options.read(true).custom_flags(libc::O_NONBLOCK).open(PATH);
        Ok(Self(opened.map_err(|e| format!("open {PATH}: {e}"))?))
    }

    /// The text of the records since the last call.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        let mut record = [0; RECORD];
        let mut lines = Vec::new();
        loop {
            match self.0.read(&mut record) {
                Ok(len) => lines.extend(text(&String::from_utf8_lossy(&record[..len]))),
                // Records were overwritten before they were read; the next ones follow.
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return lines,
            }
        }
    }
}

/// `level,sequence,time,flags;text`, then lines of context.
fn text(record: &str) -> Option<String> {
    Some(record.lines().next()?.split_once(';')?.1.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_follows_the_prefix() {
        let record = "6,12,3,-;one; two\n SUBSYSTEM=x";
        assert_eq!(text(record).as_deref(), Some("one; two"));
        assert_eq!(text(""), None);
    }
}
