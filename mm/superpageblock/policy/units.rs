// SPDX-License-Identifier: GPL-2.0-only

//! What must not be mixed up: block ids, migratetypes, orders, geometry.

/// Index of a block in its zone, 0 to 65 534.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BlockId(pub(crate) u16);

impl BlockId {
    /// Most blocks a zone can have, 64 TB: links between blocks are 16 bits
    /// wide, and zero is taken.
    pub(crate) const MAX_BLOCKS: u32 = 65_535;
}

/// Number of orders a free list can have, at most; a mask of them is a `u16`.
/// Where `MAX_PAGE_ORDER` is not the usual 10, the most that a mask can hold.
pub(crate) const ORDERS: usize =
    if cfg!(CONFIG_ARCH_FORCE_MAX_ORDER) && !cfg!(CONFIG_ARCH_FORCE_MAX_ORDER = "10") {
        16
    } else {
        11
    };

/// Log2 of a number of pages, 0 to 15.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Order(u8);

impl Order {
    /// The order `n`, cut to the range that exists.
    #[inline]
    pub(crate) const fn new(n: u32) -> Order {
        Order((n & 15) as u8)
    }

    /// As an index below 16.
    #[inline]
    pub(crate) const fn index(self) -> usize {
        (self.0 & 15) as usize
    }

    /// Pages in a free page of this order.
    #[inline]
    pub(crate) const fn pages(self) -> u32 {
        1u32 << (self.0 & 15)
    }

    /// The larger of two orders.
    #[inline]
    pub(crate) const fn max(self, other: Order) -> Order {
        if self.0 >= other.0 {
            self
        } else {
            other
        }
    }
}

/// Highest order in a mask of orders, `None` for an empty mask.
#[inline]
pub(crate) const fn highest_order(orders: u16) -> Option<Order> {
    if orders == 0 {
        return None;
    }
    Some(Order::new(15u32.wrapping_sub(orders.leading_zeros())))
}

/// Migratetypes from which allocations are planned; isolated pages are not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Type {
    /// Kernel memory that cannot move.
    Unmovable = 0,
    /// Pages that migration can move.
    Movable = 1,
    /// Kernel memory that shrinkers can free.
    Reclaimable = 2,
    /// Reserve for high-order atomic requests.
    HighAtomic = 3,
    /// Contiguous memory allocator areas; movable pages may borrow them.
    Cma = 4,
}

/// Number of [`Type`]s.
pub(crate) const TYPES: usize = 5;

impl Type {
    /// Every type, in the order of its number.
    pub(crate) const ALL: [Type; TYPES] = [
        Type::Unmovable,
        Type::Movable,
        Type::Reclaimable,
        Type::HighAtomic,
        Type::Cma,
    ];

    /// The type with number `n`.
    #[inline]
    pub(crate) fn from_number(n: u32) -> Option<Type> {
        Type::ALL.get(n as usize).copied()
    }

    /// Its number, below [`TYPES`].
    #[inline]
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// Sizes that depend on the architecture and the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Geometry {
    /// Order of a pageblock, the unit that has a type.
    pub(crate) pageblock_order: Order,
    /// Log2 of the pages in a block.
    pub(crate) block_order: u32,
}

impl Geometry {
    /// Pages in a pageblock.
    #[inline]
    pub(crate) const fn pageblock_pages(&self) -> u32 {
        self.pageblock_order.pages()
    }

    /// A sixteenth of a pageblock.
    #[inline]
    pub(crate) const fn part_order(&self) -> Order {
        Order::new((self.pageblock_order.index() as u32).saturating_sub(4))
    }

    /// Pageblocks in a block.
    #[inline]
    pub(crate) const fn pageblocks(&self) -> u32 {
        let shift = self
            .block_order
            .wrapping_sub(self.pageblock_order.index() as u32);
        1u32 << (shift & 31)
    }
}
