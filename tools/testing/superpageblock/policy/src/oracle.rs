// SPDX-License-Identifier: GPL-2.0-only

//! Where should a request be served? Every block is looked at, in loops.
//!
//! A second statement of what the tables in the policy mean, from the pages
//! that there are. Only two things are taken from the policy's file, as they
//! have hysteresis and are checked elsewhere: whether a block is below its
//! reserve, and whether the few pages of a type in a block are a remnant.

use crate::block::CMA;
use crate::block::HIGHATOMIC;
use crate::block::MOVABLE;
use crate::block::RECLAIMABLE;
use crate::block::UNMOVABLE;
use crate::hooks::Zone;
use crate::policy::fullness::Bucket;
use crate::policy::fullness::Category;
use crate::policy::fullness::Category::Clean;
use crate::policy::fullness::Category::LostClean;
use crate::policy::fullness::Category::LostTainted;
use crate::policy::fullness::Category::Remnant;
use crate::policy::fullness::Category::Tainted;
use crate::policy::request::Flags;
use crate::policy::units::Type;
use crate::rmqueue::Want;
use crate::rmqueue::CLAIM_PART;
use crate::rmqueue::CLAIM_WHOLE;
use crate::rmqueue::TAKE;
use crate::truth::category;

/// What is to be done, and all blocks in which it can be.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) action: u32,
    pub(crate) from: usize,
    pub(crate) category: Category,
    pub(crate) blocks: Vec<usize>,
}

/// A request with its restrictions spelled out.
struct Asked<'a> {
    zone: &'a Zone,
    order: u32,
    /// Types may be mixed within a pageblock.
    mix: bool,
    /// Clean blocks may be tainted, reserves used.
    second: bool,
    cma: bool,
    /// For pages that are moved out of a block that is being emptied.
    emptying: bool,
}

impl Zone {
    /// What should serve `want`, `None` if nothing may.
    pub(crate) fn oracle(&self, want: Want) -> Option<Choice> {
        let has = |flag| want.flags & flag != 0;
        let whole = want.order >= self.pageblock_order();
        let asked = Asked {
            zone: self,
            order: want.order,
            mix: !has(Flags::NOFRAGMENT) || whole,
            second: !has(Flags::FIRST_PASS) || has(Flags::MUST),
            cma: has(Flags::CMA_OK),
            emptying: has(Flags::EMPTYING),
        };
        match want.ty {
            Type::Movable => asked.movable(has(Flags::CMA_FIRST)),
            Type::Unmovable => asked.kernel(UNMOVABLE, RECLAIMABLE),
            Type::Reclaimable => asked.kernel(RECLAIMABLE, UNMOVABLE),
            Type::HighAtomic => asked.only(HIGHATOMIC),
            Type::Cma => asked.only(CMA),
        }
    }

    /// Whether the allocator without superpageblocks, free to mix types, has a
    /// page for `want`.
    pub(crate) fn stock_serves(&self, want: Want) -> bool {
        let (ty, cma) = (want.ty as usize, want.flags & Flags::CMA_OK != 0);
        let has = |mt| {
            self.blocks
                .iter()
                .any(|b| b.highest(mt) >= Some(want.order))
        };
        let fallback = ty < HIGHATOMIC && [UNMOVABLE, MOVABLE, RECLAIMABLE].into_iter().any(has);
        has(ty) || fallback || (ty == MOVABLE && cma && has(CMA))
    }

    /// Whether a tainted block has less free memory than it keeps.
    pub(crate) fn below_reserve(&self, b: usize) -> bool {
        self.known[b].bucket().0 & Bucket::BELOW_RESERVE != 0
    }

    fn empty(&self, b: usize) -> bool {
        self.blocks[b].nr_free == self.blocks[b].nr_present()
    }
}

impl Asked<'_> {
    /// The first of `categories` with a block where `action` works and that
    /// `accept` accepts. Remnants are a category that blocks have per type.
    fn find(
        &self,
        action: u32,
        from: usize,
        categories: &[Category],
        accept: impl Fn(usize) -> bool,
    ) -> Option<Choice> {
        for &wanted in categories {
            let mut blocks = Vec::new();
            for b in 0..self.zone.blocks.len() {
                let here = if self.zone.is_remnant(b, from) {
                    Remnant
                } else {
                    category(&self.zone.blocks[b])
                };
                let serves = self.zone.serves(b, action, from, self.order);
                if here == wanted && serves && accept(b) {
                    blocks.push(b);
                }
            }
            if !blocks.is_empty() {
                return Some(Choice {
                    action,
                    from,
                    category: wanted,
                    blocks,
                });
            }
        }
        None
    }

    fn take(&self, from: usize, categories: &[Category]) -> Option<Choice> {
        self.find(TAKE, from, categories, |_| true)
    }

    /// From tainted blocks, `from` each in turn; with or without their reserve.
    fn take_tainted(&self, from: &[usize], spare: bool) -> Option<Choice> {
        let accept = |b| !spare || !self.zone.below_reserve(b);
        let mut found = None;
        for &from in from {
            found = found.or_else(|| self.find(TAKE, from, &[Tainted, LostTainted], accept));
            if !spare && from != MOVABLE {
                found = found.or_else(|| self.take(from, &[Category::Cma]));
            }
        }
        found
    }

    fn movable(&self, cma_first: bool) -> Option<Choice> {
        let used = |b| !self.zone.empty(b);
        // A page moved to a clean block may have to be moved again.
        let spare_clean = self.emptying && !self.second;
        let clean: &[Category] = if spare_clean { &[] } else { &[Clean] };
        let remnant: &[Category] = if spare_clean { &[] } else { &[Remnant] };
        let may_borrow: &[usize] = if self.mix {
            &[MOVABLE, RECLAIMABLE, UNMOVABLE]
        } else {
            &[MOVABLE]
        };
        let cma = |places: &[Category]| self.cma.then(|| self.take(CMA, places)).flatten();
        let most_of_it_is_cma = cma_first.then(|| cma(&[Category::Cma])).flatten();
        most_of_it_is_cma
            // What can never be a gigabyte page, then the used, then the empty.
            .or_else(|| self.take(MOVABLE, &[LostClean, Category::Cma]))
            .or_else(|| {
                self.emptying
                    .then(|| self.take_tainted(&[MOVABLE], true))
                    .flatten()
            })
            .or_else(|| self.find(TAKE, MOVABLE, clean, used))
            .or_else(|| cma(&[Category::Cma]))
            .or_else(|| self.take(MOVABLE, clean))
            // Next to kernel memory, which gets its reserve last.
            .or_else(|| self.take_tainted(may_borrow, true))
            .or_else(|| self.second.then(|| self.take_tainted(may_borrow, false))?)
            // What is left here and there.
            .or_else(|| self.take(MOVABLE, remnant))
            .or_else(|| cma(&[Remnant]))
            .or_else(|| {
                let allowed = self.second && self.mix;
                let of = |from| self.take(from, &[Remnant]);
                allowed.then(|| of(RECLAIMABLE).or_else(|| of(UNMOVABLE)))?
            })
    }

    fn kernel(&self, own: usize, other: usize) -> Option<Choice> {
        let whole = |places: &[Category]| self.find(CLAIM_WHOLE, MOVABLE, places, |_| true);
        let part = |places: &[Category]| self.find(CLAIM_PART, MOVABLE, places, |_| true);
        let cma = Category::Cma;
        None.or_else(|| self.take(own, &[LostTainted, cma, Tainted, Remnant]))
            .or_else(|| whole(&[LostTainted, cma, LostClean, Tainted]))
            .or_else(|| {
                let mixed = || {
                    part(&[LostTainted, LostClean, Tainted])
                        .or_else(|| self.take(other, &[LostTainted, cma, Tainted]))
                        .or_else(|| self.take(MOVABLE, &[LostTainted, cma, LostClean, Tainted]))
                };
                self.mix.then(mixed)?
            })
            // Only now is a gigabyte lost.
            .or_else(|| self.second.then(|| whole(&[Clean]))?)
            .or_else(|| {
                let lost = || {
                    part(&[Clean])
                        .or_else(|| self.take(other, &[Remnant]))
                        .or_else(|| self.take(MOVABLE, &[Remnant]))
                };
                (self.second && self.mix).then(lost)?
            })
    }

    fn only(&self, own: usize) -> Option<Choice> {
        self.take(own, &[LostTainted, Category::Cma, Tainted, Remnant])
    }
}
