// SPDX-License-Identifier: GPL-2.0-only

//! Where do pages go? The smallest zone that shows it, one test per promise.

use crate::block::UNMOVABLE;
use crate::hooks::Zone;
use crate::machine::Machine;
use crate::policy::fullness::Category;
use crate::policy::request::Flags;
use crate::policy::units::BlockId;
use crate::policy::units::Type;
use crate::policy::units::Type::Movable;
use crate::policy::units::Type::Reclaimable;
use crate::policy::units::Type::Unmovable;
use crate::rmqueue::Page;
use crate::rmqueue::Want;
use crate::scenario::Kind;
use crate::scenario::REAL;

const FIRST: u32 = Flags::FIRST_PASS;
const STRICT: u32 = FIRST | Flags::NOFRAGMENT;
const SECOND: u32 = 0;

/// The block from which a request is served in a fresh zone.
fn first_choice(kinds: &[Kind], ty: Type, flags: u32) -> Option<usize> {
    let want = Want {
        order: 0,
        ty,
        flags,
    };
    let page = Zone::new(REAL, kinds).alloc(want);
    page.map(|page| page.block)
}

#[test]
fn kernel_memory_stays_in_the_tainted_block_while_it_has_a_pageblock() {
    let mut m = Machine::full(2);
    m.taint(0, 1);
    m.free(0, 300);
    m.free(1, 512);
    for i in 0..(300 << 9) / 32 {
        let ty = [Unmovable, Reclaimable][i % 2];
        assert_eq!(m.get(5, ty, FIRST).block, 0);
    }
    assert_eq!(m.ask(5, Unmovable, FIRST), None);
    assert_eq!(m.zone.known[1].category(), Category::Clean);
}

#[test]
fn a_clean_block_is_lost_only_in_the_second_pass() {
    for ty in [Unmovable, Reclaimable] {
        assert_eq!(first_choice(&[Kind::Complete], ty, FIRST), None);
        assert_eq!(first_choice(&[Kind::Complete], ty, SECOND), Some(0));
    }
}

#[test]
fn only_a_tainted_block_below_its_reserve_is_low() {
    let mut m = Machine::full(2);
    m.taint(0, 1);
    let low = |m: &mut Machine, block| m.zone.policy().is_low(BlockId(block));
    assert!(low(&mut m, 0));
    assert!(!low(&mut m, 1));
    m.free(0, 300);
    assert!(!low(&mut m, 0));
}

#[test]
fn who_may_use_reserves_is_served_in_the_first_pass() {
    let flags = FIRST | Flags::MUST;
    assert_eq!(first_choice(&[Kind::Complete], Unmovable, flags), Some(0));
}

#[test]
fn the_emptiest_clean_block_is_lost() {
    let mut m = Machine::full(3);
    m.free(0, 40);
    m.free(1, 400);
    m.free(2, 200);
    assert_eq!(m.get(0, Unmovable, SECOND).block, 1);
}

#[test]
fn what_can_never_be_a_gigabyte_page_is_used_first() {
    let partial = [Kind::Complete, Kind::Partial(0, 1 << 17), Kind::Complete];
    for ty in [Movable, Unmovable, Reclaimable] {
        assert_eq!(first_choice(&partial, ty, STRICT), Some(1));
    }
}

#[test]
fn a_block_with_boot_reserved_pages_is_for_kernel_memory() {
    let reserved = [Kind::Complete, Kind::Reserved(12345), Kind::Complete];
    for ty in [Unmovable, Reclaimable] {
        assert_eq!(first_choice(&reserved, ty, STRICT), Some(1));
    }
    assert!(first_choice(&reserved, Movable, STRICT) != Some(1));
}

#[test]
fn movable_fills_the_fullest_clean_block_first_and_empty_ones_last() {
    let mut m = Machine::full(4);
    for (block, free) in [512, 400, 40, 200].into_iter().enumerate() {
        m.free(block, free);
    }
    let mut order = Vec::new();
    while let Some(page) = m.ask(9, Movable, FIRST) {
        order.push(page.block);
    }
    order.dedup();
    assert_eq!(order, [2, 3, 1, 0]);
}

#[test]
fn movable_keeps_out_of_tainted_blocks_while_clean_ones_have_room() {
    let mut m = Machine::full(2);
    m.taint(0, 1);
    m.free(0, 100);
    m.free(1, 100);
    for _ in 0..100 {
        assert_eq!(m.get(9, Movable, FIRST).block, 1);
    }
    assert_eq!(m.get(9, Movable, FIRST).block, 0);
}

#[test]
fn movable_leaves_the_reserve_to_kernel_memory_until_the_second_pass() {
    let mut m = Machine::full(4);
    m.taint(0, 1);
    m.free(0, 100);
    while m.ask(0, Movable, FIRST).is_some() {}
    let (_, reserve) = m.zone.reserve_bounds();
    let free = m.zone.blocks[0].nr_free;
    assert!((reserve - 1..reserve + 1024).contains(&free), "{free}");
    m.get(0, Unmovable, FIRST);
    while m.ask(0, Movable, SECOND).is_some() {}
    assert_eq!(m.zone.blocks[0].nr_free, 0);
}

#[test]
fn movable_goes_to_the_sparsest_tainted_block() {
    let mut m = Machine::full(2);
    m.taint(0, 200);
    m.taint(1, 50);
    m.free(0, 100);
    m.free(1, 100);
    assert_eq!(m.get(0, Movable, FIRST).block, 1);
}

#[test]
fn kernel_memory_goes_to_the_densest_tainted_block() {
    let mut m = Machine::full(2);
    let dense = m.taint(0, 200);
    m.taint(1, 100);
    m.free(0, 10);
    m.free(1, 10);
    assert_eq!(m.get(9, Unmovable, FIRST).block, 0);
    for page in dense {
        m.zone.free(page);
    }
    assert_eq!(m.get(9, Unmovable, FIRST).block, 1);
}

#[test]
fn two_types_of_kernel_memory_do_not_relabel_each_others_pageblocks() {
    let mut m = Machine::full(2);
    let page = m.taint(0, 2)[0];
    m.punch(page);
    m.free(1, 512);
    let page = m.get(0, Reclaimable, FIRST);
    assert_eq!(page.block, 0);
    assert_eq!(m.zone.type_of(0, page.page), UNMOVABLE);
}

#[test]
fn neither_pass_taints_while_tainted_serves() {
    for flags in [SECOND, FIRST] {
        // A free pageblock, holes in movable memory, holes of the other type.
        for room in 0..3 {
            let mut m = Machine::full(2);
            let kernel = m.taint(0, 2)[0];
            m.free(1, 512);
            let movable = m.filler_of(0);
            match room {
                0 => m.zone.free(movable),
                1 => m.punch(movable),
                _ => m.punch(kernel),
            }
            assert_eq!(m.get(0, Reclaimable, flags).block, 0);
            assert_eq!(m.zone.known[1].category(), Category::Clean);
        }
    }
}

#[test]
fn pages_moved_out_of_a_block_go_where_no_gigabyte_is_lost() {
    let emptying = Flags::EMPTYING;
    let mut m = Machine::full(2);
    m.taint(0, 1);
    m.free(0, 100);
    m.free(1, 100);
    assert_eq!(m.get(0, Movable, emptying).block, 0);
    assert_eq!(m.get(0, Movable, SECOND).block, 1);
    while !m.zone.below_reserve(0) {
        assert_eq!(m.get(0, Movable, emptying).block, 0);
    }
    assert_eq!(m.ask(0, Movable, emptying | FIRST), None);
    assert_eq!(m.get(0, Movable, emptying).block, 1);
}

#[test]
fn the_last_single_pages_are_found() {
    for ty in [Unmovable, Movable, Reclaimable] {
        let mut m = Machine::full(3);
        for block in 0..3 {
            let page = m.filler_of(block);
            for start in [1, 17, 300] {
                m.zone.free(Page {
                    page: page.page + start,
                    order: 0,
                    ..page
                });
            }
        }
        for _ in 0..9 {
            m.get(0, ty, SECOND);
        }
        assert_eq!(m.ask(0, ty, SECOND), None);
        m.zone.check();
    }
}
