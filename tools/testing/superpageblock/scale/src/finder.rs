// SPDX-License-Identifier: GPL-2.0-only

//! What must a way of finding a block be able to do?

use crate::policy::fullness::Bucket;
use crate::policy::fullness::Category;
use crate::policy::index::Search;
use crate::policy::units::BlockId;
use crate::policy::units::Order;
use crate::policy::units::Type;

/// Buckets from fullest to emptiest, as [`FULLEST`] searches them.
pub(crate) const SEQUENCE: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// The order in which all picks here search.
pub(crate) const FULLEST: Search = Search::new(SEQUENCE);

/// Which kind of block is wanted.
#[derive(Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) category: Category,
    pub(crate) ty: Type,
    pub(crate) order: Order,
}

/// Blocks by category, bucket, and the highest order on file for each type.
pub(crate) trait Finder {
    /// Room for `blocks` blocks, none of which has a page.
    fn new(blocks: u32) -> Self;

    /// Category and bucket of a block change, and with them the place of all its types.
    fn place(&mut self, id: BlockId, category: Category, bucket: Bucket);

    /// The highest order of `ty` in a block is another one, or none.
    fn file(&mut self, id: BlockId, ty: Type, order: Option<Order>);

    /// A block that has what is asked for, from the fullest bucket that has one.
    fn pick(&self, ask: Ask) -> Option<BlockId>;
}
