// SPDX-License-Identifier: GPL-2.0-only

//! How is all metadata of a btrfs file system read, and nothing but that?

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use crate::Result;

/// `BTRFS_FS_TREE_OBJECTID`: files and directories.
const FS_TREE: u64 = 5;
/// `BTRFS_IOC_TREE_SEARCH_V2`: `_IOWR(0x94, 17, struct btrfs_ioctl_search_args_v2)`.
const SEARCH: libc::c_ulong = 3 << 30 | (ARGUMENTS as libc::c_ulong) << 16 | 0x94 << 8 | 17;
/// Size of the arguments without the buffer that follows them.
const ARGUMENTS: usize = size_of::<Key>() + size_of::<u64>();
/// Bytes of items returned at once.
const BUFFER: usize = 1 << 20;

/// `struct btrfs_ioctl_search_key`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Key {
    tree: u64,
    min_object: u64,
    max_object: u64,
    min_offset: u64,
    max_offset: u64,
    min_transaction: u64,
    max_transaction: u64,
    min_type: u32,
    max_type: u32,
    items: u32,
    unused: u32,
    unused_more: [u64; 4],
}

/// `struct btrfs_ioctl_search_args_v2` with its buffer.
#[repr(C)]
struct Search {
    key: Key,
    bytes: u64,
    buffer: [u8; BUFFER],
}

/// `struct btrfs_ioctl_search_header`, as far as it is needed.
struct Header {
    object: u64,
    offset: u64,
    kind: u32,
    len: usize,
}

/// Size of a header in the buffer.
const HEADER: usize = 32;

/// Reads the tree of files of the file system mounted at `path`; returns the number of its items.
pub(super) fn items(path: &str) -> Result<u64> {
    let root = File::open(path)?;
    let mut search = Box::new(Search {
        key: whole_tree(),
        bytes: BUFFER as u64,
        buffer: [0; BUFFER],
    });
    let mut count = 0;
    loop {
        search.key.items = u32::MAX;
        // SAFETY: the structure is laid out as the kernel expects it and says how long its buffer is.
        if unsafe { libc::ioctl(root.as_raw_fd(), SEARCH, &mut *search) } != 0 {
            return Err(format!("searching {path}: {}", io::Error::last_os_error()).into());
        }
        let Some(last) = last_header(&search.buffer, search.key.items) else {
            return Ok(count);
        };
        count += u64::from(search.key.items);
        if !go_on_after(&mut search.key, &last) {
            return Ok(count);
        }
    }
}

fn whole_tree() -> Key {
    Key {
        tree: FS_TREE,
        min_object: 0,
        max_object: u64::MAX,
        min_offset: 0,
        max_offset: u64::MAX,
        min_transaction: 0,
        max_transaction: u64::MAX,
        min_type: 0,
        max_type: u32::MAX,
        items: 0,
        unused: 0,
        unused_more: [0; 4],
    }
}

/// Makes the search begin behind an item; false if there is nothing behind it.
fn go_on_after(key: &mut Key, last: &Header) -> bool {
    (key.min_object, key.min_type, key.min_offset) = (last.object, last.kind, last.offset);
    if key.min_offset < u64::MAX {
        key.min_offset += 1;
    } else if key.min_type < u32::from(u8::MAX) {
        (key.min_type, key.min_offset) = (key.min_type + 1, 0);
    } else if key.min_object < u64::MAX {
        (key.min_object, key.min_type, key.min_offset) = (key.min_object + 1, 0, 0);
    } else {
        return false;
    }
    true
}

/// The header of the last of `count` items, `None` if there are none.
fn last_header(buffer: &[u8], count: u32) -> Option<Header> {
    let mut at = 0;
    let mut last = None;
    for _ in 0..count {
        let header = header(buffer.get(at..at + HEADER)?)?;
        at += HEADER + header.len;
        last = Some(header);
    }
    last
}

fn header(bytes: &[u8]) -> Option<Header> {
    let long = |at: usize| Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let short = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    Some(Header {
        object: long(8)?,
        offset: long(16)?,
        kind: short(24)?,
        len: short(28)? as usize,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_has_the_number_of_the_kernel() {
        assert_eq!(SEARCH, 0xc070_9411);
    }

    #[test]
    fn items_lie_one_behind_the_other() {
        let mut buffer = Vec::new();
        for object in [7u64, 9] {
            for word in [1u64, object, 4] {
                buffer.extend(word.to_ne_bytes());
            }
            buffer.extend(84u32.to_ne_bytes());
            buffer.extend(3u32.to_ne_bytes());
            buffer.extend([0; 3]);
        }
        let last = last_header(&buffer, 2).map(|h| (h.object, h.offset, h.kind));
        assert_eq!(last, Some((9, 4, 84)));
        assert!(last_header(&buffer, 3).is_none());
        assert!(last_header(&buffer, 0).is_none());
    }

    #[test]
    fn a_search_goes_on_behind_the_last_item() {
        let mut key = whole_tree();
        let last = |kind, offset| Header {
            object: 5,
            offset,
            kind,
            len: 0,
        };
        assert!(go_on_after(&mut key, &last(84, 6)));
        assert_eq!((key.min_object, key.min_type, key.min_offset), (5, 84, 7));
        assert!(go_on_after(&mut key, &last(255, u64::MAX)));
        assert_eq!((key.min_object, key.min_type, key.min_offset), (6, 0, 0));
    }
}
