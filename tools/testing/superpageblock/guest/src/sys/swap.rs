// SPDX-License-Identifier: GPL-2.0-only

//! How does a disk become swap space?

use std::ffi::CString;
use std::fs::OpenOptions;
use std::io;
use std::io::Seek;
use std::io::SeekFrom;
use std::os::unix::fs::FileExt;

use super::memory;
use crate::Result;

/// `union swap_header` of `include/linux/swap.h`: version and last page, and the mark that ends the page.
const VERSION_AT: usize = 1024;
const LAST_PAGE_AT: usize = 1028;
const MARK: &[u8; 10] = b"SWAPSPACE2";

/// Makes all of `device` swap space and turns it on; what was on it is lost.
pub(crate) fn make(device: &str) -> Result<()> {
    format(device).map_err(|e| format!("cannot make swap space on {device}: {e}"))?;
    let path = CString::new(device)?;
    // SAFETY: the path is NUL-terminated and lives until the call returns.
    match unsafe { libc::swapon(path.as_ptr(), 0) } {
        0 => Ok(()),
        _ => Err(format!("swapon {device}: {}", io::Error::last_os_error()).into()),
    }
}

fn format(device: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(device)?;
    let page = memory::page_bytes();
    let pages = file.seek(SeekFrom::End(0))? / page as u64;
    file.write_all_at(&header(page, pages), 0)?;
    file.sync_all()
}

fn header(page: usize, pages: u64) -> Vec<u8> {
    let last = u32::try_from(pages.saturating_sub(1)).unwrap_or(u32::MAX);
    let mut header = vec![0; page];
    header[VERSION_AT..][..4].copy_from_slice(&1u32.to_ne_bytes());
    header[LAST_PAGE_AT..][..4].copy_from_slice(&last.to_ne_bytes());
    header[page - MARK.len()..].copy_from_slice(MARK);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_the_last_page() {
        let header = header(4096, 0x201);
        assert_eq!(header[1024..1032], [1, 0, 0, 0, 0, 2, 0, 0]);
        assert_eq!(header[4086..], *b"SWAPSPACE2");
    }
}
