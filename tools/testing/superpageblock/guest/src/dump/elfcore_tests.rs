// SPDX-License-Identifier: GPL-2.0-only

//! Is the note found, and memory by all three ways of addressing it?

use std::fs;

use super::*;

/// Where the file has memory, and which.
const OFFSET: u64 = 0x1000;
const PHYS: u64 = 0x10_0000;
const VIRT: u64 = 0xffff_8880_0010_0000;
const LEN: u64 = 0x5000;
/// Only the page tables know this one.
const MAPPED: u64 = 0xffff_ea00_0000_0000;

/// Page tables lie on the first four pages of memory, the page that they map is the fifth.
fn file() -> Vec<u8> {
    let text = format!(
        "NUMBER(pgtable_l5_enabled)=0\nNUMBER(phys_base)={PHYS}\nSYMBOL(init_top_pgt)=ffffffff80000000\n"
    );
    let note: Vec<u8> = [11, text.len() as u32, 0]
        .iter()
        .flat_map(|n: &u32| n.to_le_bytes())
        .chain(*b"VMCOREINFO\0\0")
        .chain(text.bytes())
        .collect();
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    bytes[16..24].copy_from_slice(&[4, 0, 62, 0, 1, 0, 0, 0]);
    bytes[32] = 64;
    bytes[52..58].copy_from_slice(&[64, 0, 56, 0, 2, 0]);
    let note_at = 64 + 2 * 56;
    segment(&mut bytes, 4, [note_at, 0, 0, note.len() as u64]);
    segment(&mut bytes, 1, [OFFSET, VIRT, PHYS, LEN]);
    bytes.extend(note);
    bytes.resize((OFFSET + LEN) as usize, 0);
    let mut put = |at: u64, word: u64| {
        bytes[(OFFSET + at) as usize..][..8].copy_from_slice(&word.to_le_bytes());
    };
    put((MAPPED >> 39 & 511) * 8, PHYS + 0x1003);
    for level in 1..4 {
        put(level * 0x1000, PHYS + (level + 1) * 0x1000 + 3);
    }
    put(0x4018, 42);
    bytes
}

/// Appends a program header with offset, virtual address, physical address and size.
fn segment(bytes: &mut Vec<u8>, kind: u32, place: [u64; 4]) {
    bytes.extend(kind.to_le_bytes());
    bytes.extend([0; 4]);
    let [offset, virt, phys, len] = place;
    for word in [offset, virt, phys, len, len, 4] {
        bytes.extend(word.to_le_bytes());
    }
}

#[test]
fn memory_is_found_by_segment_and_by_page_table() {
    let path = std::env::temp_dir().join(format!("spb-core-{}", std::process::id()));
    fs::write(&path, file()).unwrap();
    let opened = Core::open(&path);
    fs::remove_file(&path).unwrap();
    let (core, info) = opened.unwrap();
    assert_eq!(info.number("phys_base").ok(), Some(PHYS));
    assert_eq!(core.word(VIRT + 0x4018).ok(), Some(42));
    assert_eq!(core.word(MAPPED + 0x18).ok(), Some(42));
    assert!(core.word(MAPPED + 0x1000).is_err());
}
