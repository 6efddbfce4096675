// SPDX-License-Identifier: GPL-2.0-only
//! How does a guest say what is being measured?
//!
//! By an instruction that does nothing, `nopl MAGIC+kind(%rax)`: stock and patched execute the same, and a machine
//! without this plugin notices nothing.

/// Bytes of the instruction before the kind: its operation, and that 32 bits follow.
const OPERATION: [u8; 3] = [0x0f, 0x1f, 0x80];
/// The other bytes of the displacement: "BPS".
const MAGIC: [u8; 3] = *b"BPS";

/// Length of the instruction.
pub const BYTES: usize = 7;

/// What begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Another row; rows are numbered from 1 in the order of their marks.
    Row,
    /// A window of this kind, 1 to 9, begins.
    Begin(u8),
    /// It ends.
    End,
}

/// Kind of the mark that ends a window.
const END: u8 = 10;

/// The kind that these bytes of an instruction name, if they are a mark.
pub fn kind(bytes: &[u8; BYTES]) -> Option<u8> {
    match bytes.strip_prefix(&OPERATION)? {
        [kind, magic @ ..] if *magic == MAGIC => Some(*kind),
        _ => None,
    }
}

impl Mark {
    /// The mark of a kind.
    pub fn of(kind: u8) -> Option<Self> {
        match kind {
            0 => Some(Self::Row),
            END => Some(Self::End),
            kind if kind < END => Some(Self::Begin(kind)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_told_from_other_instructions() {
        assert_eq!(kind(&[0x0f, 0x1f, 0x80, 3, b'B', b'P', b'S']), Some(3));
        assert_eq!(kind(&[0x0f, 0x1f, 0x80, 0, 0, 0, 0]), None);
        assert_eq!(kind(&[0x0f, 0x1f, 0x84, 3, b'B', b'P', b'S']), None);
    }

    #[test]
    fn kinds_are_marks() {
        assert_eq!(Mark::of(0), Some(Mark::Row));
        assert_eq!(Mark::of(3), Some(Mark::Begin(3)));
        assert_eq!(Mark::of(10), Some(Mark::End));
        assert_eq!(Mark::of(11), None);
    }
}
