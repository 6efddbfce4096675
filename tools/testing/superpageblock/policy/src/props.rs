// SPDX-License-Identifier: GPL-2.0-only

//! Do all promises hold after any sequence of operations?

use crate::block::is_dirty_type;
use crate::block::MIGRATE_TYPES;
use crate::hooks::Zone;
use crate::ops::case;
use crate::ops::Case;
use crate::ops::Op;
use crate::oracle::Choice;
use crate::policy::fullness::Category;
use crate::policy::request::Flags;
use crate::policy::units::Type;
use crate::policy::units::TYPES;
use crate::rmqueue::Decoded;
use crate::rmqueue::Page;
use crate::rmqueue::Want;
use crate::scenario::Sizes;
use crate::scenario::REAL;
use crate::scenario::SMALL;
use crate::scenario::TINY;
use crate::truth::category;
use proptest::prelude::ProptestConfig;
use proptest::prelude::Strategy;
use proptest::test_runner::RngSeed;
use proptest::test_runner::TestRunner;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// A zone, the pages that were given out, and what is done with them.
struct Run {
    zone: Zone,
    pages: Vec<Page>,
    seen: Rows,
}

/// Rows of the tables that were used: type, action, list, category.
type Rows = BTreeSet<(usize, u32, usize, usize)>;

impl Run {
    /// Do all operations of a case. Returns the rows used.
    fn all(sizes: Sizes, (kinds, ops): Case) -> Rows {
        let mut run = Run {
            zone: Zone::new(sizes, &kinds),
            pages: Vec::new(),
            seen: Rows::new(),
        };
        run.zone.check();
        for op in ops {
            run.step(&op);
            run.zone.check();
        }
        // What is left when all is freed: nothing that was not there before.
        for page in std::mem::take(&mut run.pages) {
            run.zone.free(page);
        }
        run.zone.check();
        run.seen
    }

    fn step(&mut self, op: &Op) {
        let blocks = self.zone.blocks.len();
        let pageblocks = self.zone.geometry.pageblocks() as usize;
        match *op {
            Op::Alloc { want, count } => {
                (0..count).any(|_| !self.alloc(want));
            }
            Op::Free {
                first,
                stride,
                count,
            } => self.free(first, stride, count),
            Op::Empty { block } => self.empty(block % blocks),
            Op::FreeOrCapture { page, ty } => self.free_or_capture(page, Type::ALL[ty]),
            Op::ToggleIsolation { block, pageblock } => self
                .zone
                .toggle_isolation(block % blocks, pageblock % pageblocks),
            Op::IsolateFreePage { block, mt } => {
                let page = self.zone.isolate_free_page(block % blocks, mt);
                self.pages.extend(page);
            }
            Op::ReserveHighAtomic { page } => {
                if let Some(&page) = self.pages.get(page % self.pages.len().max(1)) {
                    self.zone.reserve_highatomic(page);
                }
            }
            Op::UnreserveHighAtomic { block, mt } => {
                self.zone.unreserve_highatomic(block % blocks, mt);
            }
        }
    }

    /// One request, compared with the oracle.
    fn alloc(&mut self, want: Want) -> bool {
        let zone = &mut self.zone;
        let (plan, stale) = zone.settle(want);
        // Each list is corrected to the truth once, and forgotten once.
        assert!(stale as usize <= 2 * TYPES * zone.blocks.len());
        let choice = zone.oracle(want);
        let (Some(plan), Some(choice)) = (plan, &choice) else {
            assert!(
                plan.is_none() && choice.is_none(),
                "{want:?}: {plan:?}, not {choice:?}"
            );
            let restricted = Flags::NOFRAGMENT | Flags::FIRST_PASS;
            assert!(want.flags & restricted != 0 || !zone.stock_serves(want));
            return false;
        };
        let here = (plan.action, plan.from);
        assert_eq!(
            here,
            (choice.action, choice.from),
            "{want:?} {plan:?} {choice:?}"
        );
        assert!(
            choice.blocks.contains(&plan.block),
            "{want:?} {plan:?} {choice:?}"
        );
        check_rank(zone, want, plan, choice);
        check_first_pass(zone, want, plan, choice);
        let page = zone.carry_out(want, plan);
        assert!(page.is_some(), "{want:?} {plan:?}");
        self.pages.extend(page);
        let ty = want.ty as usize;
        let category = choice.category.index();
        self.seen.insert((ty, plan.action, plan.from, category));
        true
    }

    fn free(&mut self, first: usize, stride: usize, count: usize) {
        for i in 0..count {
            if self.pages.is_empty() {
                return;
            }
            let at = (first + i * stride) % self.pages.len();
            let page = self.pages.swap_remove(at);
            self.zone.free(page);
        }
    }

    fn empty(&mut self, block: usize) {
        let (here, rest) = self.pages.drain(..).partition(|p| p.block == block);
        self.pages = rest;
        let here: Vec<Page> = here;
        for page in here {
            self.zone.free(page);
        }
    }

    fn free_or_capture(&mut self, page: usize, ty: Type) {
        if !self.pages.is_empty() {
            let page = self.pages.swap_remove(page % self.pages.len());
            let page = self.zone.free_or_capture(page, ty);
            self.pages.extend(page);
        }
    }
}

/// Of the blocks that could serve, the right one does.
fn check_rank(zone: &Zone, want: Want, plan: Decoded, choice: &Choice) {
    let movable = want.ty == Type::Movable;
    let bucket = |b: usize| zone.known[b].bucket().0;
    for &other in &choice.blocks {
        let (chosen, other_rank) = match (choice.category, movable) {
            // Fullest first.
            (Category::LostClean | Category::Cma, _) | (Category::Clean, true) => {
                (bucket(plan.block), bucket(other))
            }
            // Emptiest first.
            (Category::Clean, false) => (bucket(other), bucket(plan.block)),
            // Sparsest first for movable pages, densest first for others.
            (Category::Tainted | Category::LostTainted, _) => {
                let (here, there) = (zone.density(plan.block), zone.density(other));
                let (low, high) = if movable {
                    (here, there)
                } else {
                    (there, here)
                };
                (low as u8, high as u8)
            }
            (Category::Remnant, _) => continue,
        };
        assert!(chosen <= other_rank, "{want:?} {plan:?} {choice:?}");
    }
}

/// No clean gigabyte is lost and no reserve used while the caller asks again.
fn check_first_pass(zone: &Zone, want: Want, plan: Decoded, choice: &Choice) {
    if want.flags & Flags::FIRST_PASS == 0 || want.flags & Flags::MUST != 0 {
        return;
    }
    let here = category(&zone.blocks[plan.block]);
    assert!(!is_dirty_type(want.ty as usize) || here != Category::Clean);
    if want.ty == Type::Movable && choice.category.is_tainted() {
        let (least, _) = zone.reserve_bounds();
        assert!(zone.blocks[plan.block].nr_free >= least);
    }
    assert!(plan.from < MIGRATE_TYPES);
}

/// Try cases, the same each time unless `PROPTEST_CASES` or
/// `PROPTEST_RNG_SEED` say otherwise. At least `rows` rows must be used.
fn try_all(cases: impl Strategy<Value = Case>, sizes: Sizes, one_in: u32, rows: usize) {
    let env = ProptestConfig::default();
    let rng_seed = match env.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0),
        chosen => chosen,
    };
    let config = ProptestConfig {
        cases: env.cases / one_in,
        failure_persistence: None,
        max_shrink_time: 20_000,
        rng_seed,
        ..env
    };
    let seen = RefCell::new(Rows::new());
    let result = TestRunner::new(config).run(&cases, |case| {
        seen.borrow_mut().extend(Run::all(sizes, case));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let seen = seen.into_inner();
    assert!(seen.len() >= rows, "only {} rows: {seen:?}", seen.len());
}

#[test]
fn promises_hold_where_most_blocks_are_remnants() {
    try_all(case(TINY, 12, 40), TINY, 1, 25);
}

#[test]
fn promises_hold_in_small_blocks() {
    try_all(case(SMALL, 12, 300), SMALL, 1, 40);
}

#[test]
fn promises_hold_in_gigabytes() {
    try_all(case(REAL, 4, 400), REAL, 8, 20);
}
