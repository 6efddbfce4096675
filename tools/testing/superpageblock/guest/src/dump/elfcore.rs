// SPDX-License-Identifier: GPL-2.0-only

//! Where in an ELF core file is kernel memory, and where its VMCOREINFO note?

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::path::PathBuf;

use object::elf;
use object::read::elf::FileHeader;
use object::read::elf::ProgramHeader;
use object::LittleEndian;

use super::info::Info;
use super::paging::Tables;
use super::Memory;
use crate::Result;

type Header = elf::FileHeader64<LittleEndian>;
type Segments<'a> = &'a [elf::ProgramHeader64<LittleEndian>];

const ENDIAN: LittleEndian = LittleEndian;
/// Bytes read for headers and notes, which come first; a few kilobytes in practice.
const HEAD: u64 = 256 << 10;
const NOTE: &[u8] = b"VMCOREINFO";

/// An open core file.
pub(crate) struct Core {
    file: File,
    path: PathBuf,
    segments: Vec<Segment>,
    tables: Tables,
}

/// Memory that is contiguous in the file.
#[derive(Clone, Copy, Debug)]
struct Segment {
    virt: u64,
    phys: u64,
    offset: u64,
    len: u64,
}

impl Core {
    /// Opens the file and reads its VMCOREINFO note.
    pub(crate) fn open(path: &Path) -> Result<(Self, Info)> {
        let named = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let file = File::open(path).map_err(|e| named(&e))?;
        let mut head = Vec::new();
        let reading = (&file).take(HEAD).read_to_end(&mut head);
        reading.map_err(|e| named(&e))?;
        let data = head.as_slice();
        let header = Header::parse(data).map_err(|e| named(&e))?;
        let headers = header
            .program_headers(ENDIAN, data)
            .map_err(|e| named(&e))?;
        let note = note(headers, data).map_err(|e| named(&e))?;
        let info = Info::parse(&String::from_utf8_lossy(note));
        let core = Self {
            segments: segments(headers),
            tables: Tables::new(&info)?,
            path: path.into(),
            file,
        };
        Ok((core, info))
    }

    fn place(&self, address: u64) -> Result<u64> {
        let inside = |s: &&Segment| address.wrapping_sub(s.virt) < s.len;
        if let Some(segment) = self.segments.iter().find(inside) {
            return Ok(segment.offset + (address - segment.virt));
        }
        let read = |at| self.word_at(self.place_of_physical(at)?);
        self.place_of_physical(self.tables.physical(address, read)?)
    }

    fn place_of_physical(&self, address: u64) -> Result<u64> {
        let inside = |s: &&Segment| address.wrapping_sub(s.phys) < s.len;
        let found = self.segments.iter().find(inside);
        let segment = found.ok_or_else(|| {
            format!(
                "{} does not hold physical address {address:#x}",
                self.path.display()
            )
        })?;
        Ok(segment.offset + (address - segment.phys))
    }

    fn word_at(&self, offset: u64) -> Result<u64> {
        let mut bytes = [0; 8];
        self.fill(offset, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn fill(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let outcome = self.file.read_exact_at(buffer, offset);
        outcome.map_err(|e| format!("{} at {offset:#x}: {e}", self.path.display()).into())
    }
}

impl Memory for Core {
    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<()> {
        self.fill(self.place(address)?, buffer)
    }
}

fn segments(headers: Segments) -> Vec<Segment> {
    let loads = headers.iter().filter(|h| h.p_type(ENDIAN) == elf::PT_LOAD);
    let segment = |h: &elf::ProgramHeader64<LittleEndian>| Segment {
        virt: h.p_vaddr(ENDIAN),
        phys: h.p_paddr(ENDIAN),
        offset: h.p_offset(ENDIAN),
        len: h.p_filesz(ENDIAN),
    };
    loads.map(segment).collect()
}

/// The content of the note.
fn note<'a>(headers: Segments, data: &'a [u8]) -> Result<&'a [u8]> {
    for header in headers {
        let Some(mut notes) = header.notes(ENDIAN, data)? else {
            continue;
        };
        while let Some(note) = notes.next()? {
            if note.name() == NOTE {
                return Ok(note.desc());
            }
        }
    }
    Err("no VMCOREINFO note: the kernel needs CONFIG_VMCORE_INFO".into())
}

#[cfg(test)]
#[path = "elfcore_tests.rs"]
mod tests;
