// SPDX-License-Identifier: GPL-2.0-only

//! Where in the kernel's structures is what leads to its free pages?

use super::info::Info;
use crate::Result;

/// Addresses, offsets and sizes in bytes, and counts.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Address of the array of pointers to nodes.
    pub(crate) node_data: u64,
    /// Length of that array.
    pub(crate) nodes: u64,
    /// A node's array of zones.
    pub(crate) node_zones: u64,
    /// A node's number of zones, 32 bits.
    pub(crate) nr_zones: u64,
    /// A zone's size.
    pub(crate) zone_bytes: u64,
    /// A zone's pages, holes included.
    pub(crate) spanned: u64,
    /// A zone's own free areas, one for each order.
    pub(crate) free_area: u64,
    /// A zone's counter of free pages.
    pub(crate) free_pages: u64,
    /// Number of orders.
    pub(crate) orders: u64,
    /// A free area's size.
    pub(crate) area_bytes: u64,
    /// A free area's lists, one for each migratetype.
    pub(crate) free_list: u64,
    /// Number of lists in a free area.
    pub(crate) types: u64,
    /// A list head's size.
    pub(crate) list_bytes: u64,
    /// A list head's pointer to the next one.
    pub(crate) next: u64,
    /// How a page looks.
    pub(crate) page: PageLayout,
    /// Where superpageblocks are, on kernels that have them.
    pub(crate) blocks: Option<BlockLayout>,
}

/// What of `struct page` says that a page is free.
#[derive(Clone, Debug)]
pub(crate) struct PageLayout {
    /// Size of the structure.
    pub(crate) bytes: u64,
    /// The list head.
    pub(crate) lru: u64,
    /// The order of a free page.
    pub(crate) private: u64,
    /// The type, 32 bits.
    pub(crate) page_type: u64,
    /// The type of free pages.
    pub(crate) buddy: u32,
}

/// What of `struct zone` leads to its superpageblocks.
#[derive(Clone, Debug)]
pub(crate) struct BlockLayout {
    /// Pages that the blocks cover.
    pub(crate) len: u64,
    /// Pointer to the array of pointers to blocks.
    pub(crate) array: u64,
    /// Pages in a block.
    pub(crate) pages: u64,
}

impl Layout {
    /// Looks everything up; an error names what the note lacks.
    pub(crate) fn new(info: &Info) -> Result<Self> {
        let counters = info.offset("zone.vm_stat")?;
        Ok(Self {
            node_data: info.symbol("node_data")?,
            nodes: info.length("node_data")?,
            node_zones: info.offset("pglist_data.node_zones")?,
            nr_zones: info.offset("pglist_data.nr_zones")?,
            zone_bytes: info.size("zone")?,
            spanned: info.offset("zone.spanned_pages")?,
            free_area: info.offset("zone.free_area")?,
            free_pages: counters + 8 * info.number("NR_FREE_PAGES")?,
            orders: info.length("zone.free_area")?,
            area_bytes: info.size("free_area")?,
            free_list: info.offset("free_area.free_list")?,
            types: info.length("free_area.free_list")?,
            list_bytes: info.size("list_head")?,
            next: info.offset("list_head.next")?,
            page: PageLayout::new(info)?,
            blocks: BlockLayout::new(info)?,
        })
    }

    /// A free area's number of entries.
    pub(crate) fn nr_free(&self) -> u64 {
        self.free_list + self.types * self.list_bytes
    }
}

impl PageLayout {
    fn new(info: &Info) -> Result<Self> {
        Ok(Self {
            bytes: info.size("page")?,
            lru: info.offset("page.lru")?,
            private: info.offset("page.private")?,
            page_type: info.offset("page._mapcount")?,
            buddy: info.number("PAGE_BUDDY_MAPCOUNT_VALUE")? as u32,
        })
    }
}

impl BlockLayout {
    fn new(info: &Info) -> Result<Option<Self>> {
        if !info.has_offset("zone.spb_blocks") {
            return Ok(None);
        }
        Ok(Some(Self {
            len: info.offset("zone.spb_len")?,
            array: info.offset("zone.spb_blocks")?,
            pages: (1 << 30) / info.page_bytes()?.max(1),
        }))
    }
}
