// SPDX-License-Identifier: GPL-2.0-only

//! What is kept apart, and what does a block remember? One test per promise.

use crate::block::CMA;
use crate::block::HIGHATOMIC;
use crate::block::MOVABLE;
use crate::block::UNMOVABLE;
use crate::hooks::Zone;
use crate::machine::Machine;
use crate::policy::fullness::Bucket;
use crate::policy::fullness::Category;
use crate::policy::request::Flags;
use crate::policy::units::Type::HighAtomic;
use crate::policy::units::Type::Movable;
use crate::policy::units::Type::Reclaimable;
use crate::policy::units::Type::Unmovable;
use crate::rmqueue::Page;
use crate::rmqueue::Want;
use crate::scenario::Kind;
use crate::scenario::REAL;

const FIRST: u32 = Flags::FIRST_PASS;
const SECOND: u32 = 0;

#[test]
fn nofragment_mixes_no_types_in_a_pageblock() {
    let mut m = Machine::full(2);
    m.taint(0, 1);
    let page = m.filler_of(0);
    m.punch(page);
    assert_eq!(m.ask(0, Unmovable, FIRST | Flags::NOFRAGMENT), None);
    assert_eq!(m.ask(0, Unmovable, Flags::NOFRAGMENT), None);
    assert_eq!(m.get(0, Unmovable, FIRST).block, 0);
}

#[test]
fn a_retyped_pageblock_still_taints_until_it_is_wholly_free() {
    let mut m = Machine::full(1);
    m.free(0, 1);
    let kernel = m.get(0, Unmovable, SECOND);
    let target = m.zone.isolate_free_page(0, UNMOVABLE);
    assert_eq!(m.zone.type_of(0, kernel.page), MOVABLE);
    assert_eq!(m.zone.known[0].category(), Category::Tainted);
    target.into_iter().for_each(|page| m.zone.free(page));
    assert_eq!(m.zone.known[0].category(), Category::Tainted);
    m.zone.free(kernel);
    assert_eq!(m.zone.known[0].category(), Category::Clean);
    m.zone.check();
}

#[test]
fn a_block_is_clean_and_empty_again_once_all_is_freed() {
    let mut m = Machine::full(2);
    for page in m.taint(0, 3) {
        m.zone.free(page);
    }
    assert_eq!(m.zone.known[0].category(), Category::Clean);
    m.free(0, 509);
    assert_eq!(m.zone.known[0].bucket(), Bucket::EMPTY);
}

#[test]
fn a_clean_block_is_not_tainted_by_capture() {
    let mut m = Machine::full(2);
    m.taint(0, 1);
    let (tainted, clean) = (m.filler_of(0), m.filler_of(1));
    assert!(m.zone.free_or_capture(tainted, Unmovable).is_some());
    assert_eq!(m.zone.free_or_capture(clean, Unmovable), None);
    m.zone.check();
}

#[test]
fn the_highatomic_reserve_is_kept_apart() {
    let mut m = Machine::full(1);
    let page = m.taint(0, 1)[0];
    m.punch(page);
    m.zone.reserve_highatomic(Page {
        page: page.page + 1,
        order: 0,
        ..page
    });
    m.zone.check();
    assert_eq!(m.zone.blocks[0].nr_pages[HIGHATOMIC], 256);
    for ty in [Unmovable, Movable, Reclaimable] {
        assert_eq!(m.ask(0, ty, SECOND), None);
    }
    m.get(0, HighAtomic, SECOND);
    m.free(0, 1);
    assert_eq!(m.ask(1, HighAtomic, SECOND), None);
}

#[test]
fn cma_is_for_movable_pages_that_may_use_it() {
    let kinds = [Kind::Complete, Kind::Cma(0, 256)];
    let most = Flags::CMA_OK | Flags::CMA_FIRST;
    let mut zone = Zone::new(REAL, &kinds);
    let want = |ty, flags| Want {
        order: 9,
        ty,
        flags,
    };
    let page = zone.alloc(want(Movable, most));
    assert_eq!(
        page.map(|page| zone.type_of(page.block, page.page)),
        Some(CMA)
    );
    for ty in [Movable, Unmovable] {
        while zone.alloc(want(ty, SECOND)).is_some() {}
    }
    assert_eq!(zone.blocks[1].nr_pages[CMA], 255 << 9);
    assert!(zone.alloc(want(Movable, Flags::CMA_OK)).is_some());
    // Its other pageblocks are no gigabyte page either.
    let page = Zone::new(REAL, &kinds).alloc(want(Unmovable, FIRST));
    assert_eq!(page.map(|page| page.block), Some(1));
}
