// SPDX-License-Identifier: GPL-2.0-only

//! Where in physical memory is a kernel virtual address, by the kernel's own page tables (x86-64)?

use super::info::Info;
use crate::Result;

/// Where the kernel's image is mapped (`__START_KERNEL_map`).
const KERNEL_MAP: u64 = 0xffff_ffff_8000_0000;
const PRESENT: u64 = 1;
/// The entry maps a large page.
const LARGE: u64 = 1 << 7;
/// The address in an entry.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
/// Binary logarithm of the bytes that an entry of the lowest level maps.
const PAGE_SHIFT: u32 = 12;
/// Index bits of a level.
const LEVEL_BITS: u32 = 9;

/// The page tables of a kernel.
#[derive(Debug)]
pub(crate) struct Tables {
    /// Physical address of the top table.
    root: u64,
    /// Binary logarithm of the bytes that an entry of the top table maps.
    top_shift: u32,
}

impl Tables {
    /// Finds the top table.
    pub(crate) fn new(info: &Info) -> Result<Self> {
        let five_levels = info.number("pgtable_l5_enabled")? != 0;
        let offset = info.symbol("init_top_pgt")?.wrapping_sub(KERNEL_MAP);
        Ok(Self {
            root: offset.wrapping_add(info.number("phys_base")?),
            top_shift: if five_levels { 48 } else { 39 },
        })
    }

    /// The physical address of `address`; `read` returns the word at a physical address.
    pub(crate) fn physical(&self, address: u64, read: impl Fn(u64) -> Result<u64>) -> Result<u64> {
        let mut table = self.root;
        let mut shift = self.top_shift;
        loop {
            let index = (address >> shift) & ((1 << LEVEL_BITS) - 1);
            let entry = read(table + index * 8)?;
            if entry & PRESENT == 0 {
                return Err(format!("address {address:#x} is not mapped").into());
            }
            if shift == PAGE_SHIFT || entry & LARGE != 0 {
                let inside = (1 << shift) - 1;
                // A large page's entry has a flag in its lowest address bit.
                return Ok((entry & ADDRESS & !inside) | (address & inside));
            }
            table = entry & ADDRESS;
            shift -= LEVEL_BITS;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Four levels at 0x1000 to 0x4000; in the third, entry 1 maps 2 MB.
    fn translate(address: u64) -> Result<u64> {
        let words = BTreeMap::from([
            (0x1000 + 8 * 256, 0x2003),
            (0x2000, 0x3003),
            (0x3000, 0x4003),
            (0x3008, 0x4000_0000 | 1 << 12 | LARGE | PRESENT),
            (0x4008, 1 << 63 | 0x9003),
        ]);
        let tables = Tables {
            root: 0x1000,
            top_shift: 39,
        };
        tables.physical(address, |at| Ok(words.get(&at).copied().unwrap_or(0)))
    }

    #[test]
    fn small_and_large_pages_are_found() {
        assert_eq!(translate(0xffff_8000_0000_1234).ok(), Some(0x9234));
        assert_eq!(translate(0xffff_8000_0021_2345).ok(), Some(0x4001_2345));
    }

    #[test]
    fn an_unmapped_address_is_an_error() {
        assert!(translate(0xffff_8000_0000_2000).is_err());
    }
}
