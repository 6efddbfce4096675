// SPDX-License-Identifier: GPL-2.0-only

//! What does C know of one block? `struct spb_block`, and the page structs.

use crate::policy::units::Geometry;
use crate::policy::units::Type;
use crate::policy::units::ORDERS;
use std::collections::BTreeSet;

/// Migratetypes as C numbers them: those of the policy, and isolated.
pub(crate) const MIGRATE_TYPES: usize = 6;
/// `MIGRATE_ISOLATE`: nothing is planned from it.
pub(crate) const ISOLATE: usize = 5;
pub(crate) const UNMOVABLE: usize = Type::Unmovable as usize;
pub(crate) const MOVABLE: usize = Type::Movable as usize;
pub(crate) const RECLAIMABLE: usize = Type::Reclaimable as usize;
pub(crate) const HIGHATOMIC: usize = Type::HighAtomic as usize;
pub(crate) const CMA: usize = Type::Cma as usize;

/// Whether C's `spb_type_is_dirty()` holds.
pub(crate) fn is_dirty_type(mt: usize) -> bool {
    matches!(mt, UNMOVABLE | RECLAIMABLE | HIGHATOMIC)
}

/// Whether C's `migratetype_is_mergeable()` holds.
pub(crate) fn is_mergeable(mt: usize) -> bool {
    mt < HIGHATOMIC
}

/// What C keeps per pageblock, and what is really in it.
#[derive(Clone, Default)]
pub(crate) struct Pageblock {
    /// Its type when it is not isolated.
    pub(crate) ty: usize,
    pub(crate) isolated: bool,
    /// The content bit.
    pub(crate) dirty: bool,
    /// Pages of non-movable requests that it really holds.
    pub(crate) held: u32,
    /// Pages that boot has reserved.
    pub(crate) reserved: u32,
    /// It was retyped or unisolated while free: C may keep the bit longer.
    pub(crate) odd: bool,
}

/// One block; the fields of `struct spb_block` have their names there.
pub(crate) struct Block {
    pub(crate) free_list: Vec<[BTreeSet<u32>; MIGRATE_TYPES]>,
    pub(crate) nr_free: u32,
    pub(crate) level_lo: u32,
    pub(crate) level_span: u32,
    pub(crate) nr_pages: [u32; MIGRATE_TYPES],
    pub(crate) promote: [u32; MIGRATE_TYPES],
    pub(crate) orders: [u16; MIGRATE_TYPES],
    pub(crate) top: [u16; MIGRATE_TYPES],
    pub(crate) nr_dirty: u32,
    pub(crate) nr_reserved: u32,
    pub(crate) has_cma: bool,
    pub(crate) complete: bool,
    /// Pages of the zone in this block; the rest is beyond its edges.
    pub(crate) present: std::ops::Range<u32>,
    pub(crate) pageblocks: Vec<Pageblock>,
    /// Order of the free page that starts here plus one, or 0.
    pub(crate) buddy: Vec<u8>,
}

impl Block {
    /// A block as `spb_block_alloc()` leaves it, all pages allocated.
    pub(crate) fn new(geometry: &Geometry, present: std::ops::Range<u32>) -> Block {
        let pages = 1u32 << geometry.block_order;
        let pageblock = Pageblock {
            ty: MOVABLE,
            ..Pageblock::default()
        };
        Block {
            free_list: (0..ORDERS).map(|_| Default::default()).collect(),
            nr_free: 0,
            level_lo: 0,
            level_span: u32::MAX,
            nr_pages: [0; MIGRATE_TYPES],
            promote: [0; MIGRATE_TYPES],
            orders: [0; MIGRATE_TYPES],
            top: [0; MIGRATE_TYPES],
            nr_dirty: 0,
            nr_reserved: 0,
            has_cma: false,
            complete: present == (0..pages),
            present,
            pageblocks: vec![pageblock; geometry.pageblocks() as usize],
            buddy: vec![0; pages as usize],
        }
    }

    /// Pages of the zone in it.
    pub(crate) fn nr_present(&self) -> u32 {
        self.present.end - self.present.start
    }

    /// C's `spb_block_tainted()`.
    pub(crate) fn tainted(&self) -> bool {
        self.nr_dirty != 0 || self.nr_reserved != 0
    }

    /// Highest order with a free page of type `mt`.
    pub(crate) fn highest(&self, mt: usize) -> Option<u32> {
        self.orders[mt].checked_ilog2()
    }

    /// The order of the free page that starts at `page`.
    pub(crate) fn buddy_order(&self, page: u32) -> Option<u32> {
        (*self.buddy.get(page as usize)? as u32).checked_sub(1)
    }
}
