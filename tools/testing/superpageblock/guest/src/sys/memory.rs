// SPDX-License-Identifier: GPL-2.0-only

//! How is memory mapped, touched and given back?

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr;

use crate::Result;

/// Size and alignment of a transparent huge page in bytes.
pub(crate) const THP_BYTES: usize = 2 << 20;

/// Bytes in one page.
pub(crate) fn page_bytes() -> usize {
    // SAFETY: sysconf has no preconditions.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(4096)
}

/// Processors that are online.
pub(crate) fn processors() -> u64 {
    // SAFETY: sysconf has no preconditions.
    let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    u64::try_from(count).unwrap_or(1)
}

/// A private anonymous mapping, or one of a file that is ours, unmapped on drop.
///
/// # Invariants
///
/// `base..base + len` is a mapping this value owns; nothing else refers to its memory.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: *mut u8,
    len: usize,
}

impl Mapping {
    /// Maps `len` bytes, reading and writing allowed, `flags` added to the usual ones.
    pub(crate) fn new(len: usize, flags: libc::c_int) -> Result<Self> {
        let flags = flags | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new anonymous mapping at an address the kernel chooses touches no existing memory.
        let base = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(format!("mmap of {len} bytes: {}", io::Error::last_os_error()).into());
        }
        // INVARIANT: the kernel just made this mapping for us.
        Ok(Self {
            base: base.cast(),
            len,
        })
    }

    /// Maps the first `len` bytes of a file of at least that size, which it takes for itself; what is read is the
    /// file's page cache.
    pub(crate) fn of_file(file: File, len: usize) -> Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let (flags, fd) = (libc::MAP_SHARED, file.as_raw_fd());
        // SAFETY: a new mapping at an address the kernel chooses touches no existing memory.
        let base = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, fd, 0) };
        if base == libc::MAP_FAILED {
            return Err(format!("mmap of a file: {}", io::Error::last_os_error()).into());
        }
        // INVARIANT: the kernel just made this mapping for us, and the file is ours.
        Ok(Self {
            base: base.cast(),
            len,
        })
    }

    /// Length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The address of the first byte.
    pub(crate) fn address(&self) -> usize {
        self.base as usize
    }

    /// The address modulo `align`, in bytes.
    pub(crate) fn misalignment(&self, align: usize) -> usize {
        self.base as usize % align
    }

    /// Writes one word at `offset`; out of range is ignored.
    pub(crate) fn touch(&self, offset: usize) {
        if offset + size_of::<u64>() > self.len {
            return;
        }
        // SAFETY: by the invariant the mapping is ours and by the check above the word lies inside it.
        unsafe { ptr::write_volatile(self.base.add(offset & !7).cast::<u64>(), offset as u64) }
    }

    /// Reads one word at `offset`: maps the zero page, and a page table for it, where nothing was.
    pub(crate) fn peek(&self, offset: usize) -> u64 {
        if offset + size_of::<u64>() > self.len {
            return 0;
        }
        // SAFETY: as in `touch`.
        unsafe { ptr::read_volatile(self.base.add(offset & !7).cast::<u64>()) }
    }

    /// The memory as words, zero where nothing was written.
    pub(crate) fn words(&mut self) -> &mut [u64] {
        // SAFETY: by the invariant the mapping is ours alone; it is page-aligned, initialised by the kernel,
        // and the borrow of `self` lasts as long as the slice.
        unsafe { std::slice::from_raw_parts_mut(self.base.cast(), self.len / size_of::<u64>()) }
    }

    /// The memory as bytes.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: by the invariant the mapping is ours alone, and anonymous memory is initialised.
        unsafe { std::slice::from_raw_parts_mut(self.base, self.len) }
    }

    /// Gives advice on `len` bytes from `offset`, both multiples of the page size; errors are ignored,
    /// since some kernels have no transparent huge pages.
    pub(crate) fn advise(&self, offset: usize, len: usize, advice: libc::c_int) {
        let _ = self.demand(offset, len, advice);
    }

    /// Keeps the memory from being swapped out or reclaimed.
    pub(crate) fn lock(&self) -> Result<()> {
        // SAFETY: the range is mapped by us; locking changes no contents.
        match unsafe { libc::mlock(self.address() as *const libc::c_void, self.len()) } {
            0 => Ok(()),
            _ => Err(format!("mlock: {}", io::Error::last_os_error()).into()),
        }
    }

    /// Gives advice that must be taken.
    pub(crate) fn demand(&self, offset: usize, len: usize, advice: libc::c_int) -> Result<()> {
        if offset + len > self.len {
            return Err(format!("advice on {len} bytes from {offset} of {}", self.len).into());
        }
        // SAFETY: by the invariant and the check above the range is ours, and holds no Rust object.
        match unsafe { libc::madvise(self.base.add(offset).cast(), len, advice) } {
            0 => Ok(()),
            _ => Err(format!("madvise {advice}: {}", io::Error::last_os_error()).into()),
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: by the invariant the mapping is ours, and it is not used after this.
        unsafe { libc::munmap(self.base.cast(), self.len) };
    }
}
