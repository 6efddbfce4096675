// SPDX-License-Identifier: GPL-2.0-only

//! What did one 1 GB page cost in pages moved, against the cheapest choice there was?

use crate::map::BlockUse;

/// Mean number of allocated pages in the `count` emptiest candidate blocks.
///
/// Fewer candidates than `count` give the mean of those there are; `None` without any.
pub fn cheapest(blocks: &[BlockUse], count: u64) -> Option<f64> {
    let mut pages: Vec<u64> = blocks
        .iter()
        .filter(|b| b.candidate())
        .map(BlockUse::allocated)
        .collect();
    pages.sort_unstable();
    pages.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    let taken = pages.len();
    (taken > 0).then(|| pages.iter().sum::<u64>() as f64 / taken as f64)
}

/// Pages migrated or reclaimed per 1 GB page, relative to the emptiest candidates.
///
/// 1.0 means only what stood in the best blocks was moved. `moved` is in pages, `before` the block
/// contents before the request. `None` when nothing was obtained or there was no candidate; 0 when
/// nothing had to be moved and nothing was; otherwise, with empty candidates, pages per 1 GB page.
pub fn migration_cost(moved: u64, obtained: u64, before: &[BlockUse]) -> Option<f64> {
    if obtained == 0 {
        return None;
    }
    let cheapest = cheapest(before, obtained)?;
    let per_page = moved as f64 / obtained as f64;
    Some(per_page / cheapest.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(movable: u64) -> BlockUse {
        BlockUse {
            free: 1000 - movable,
            movable,
            complete: true,
            ..BlockUse::default()
        }
    }

    #[test]
    fn the_emptiest_clean_blocks_set_the_price() {
        let tainted = BlockUse {
            nonmovable: 1,
            ..clean(0)
        };
        let blocks = [clean(300), tainted, clean(100), clean(200)];
        assert_eq!(cheapest(&blocks, 2), Some(150.0));
        assert_eq!(migration_cost(600, 2, &blocks), Some(2.0));
    }

    #[test]
    fn nothing_obtained_has_no_cost() {
        assert_eq!(migration_cost(600, 0, &[clean(1)]), None);
        assert_eq!(migration_cost(600, 1, &[]), None);
    }

    #[test]
    fn empty_blocks_cost_nothing_when_nothing_moved() {
        assert_eq!(migration_cost(0, 1, &[clean(0)]), Some(0.0));
        assert_eq!(migration_cost(50, 1, &[clean(0)]), Some(50.0));
    }
}
