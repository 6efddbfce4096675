// SPDX-License-Identifier: GPL-2.0-only

//! What can happen to a zone? Random operations, on random blocks.

use crate::block::CMA;
use crate::policy::units::Type;
use crate::rmqueue::Want;
use crate::scenario::Kind;
use crate::scenario::Sizes;
use proptest::prelude::*;

/// One thing that happens to a zone. Numbers are cut to what there is.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Alloc {
        want: Want,
        count: u32,
    },
    /// Free `count` pages, every `stride`th from `first`.
    Free {
        first: usize,
        stride: usize,
        count: usize,
    },
    /// Free all pages of one block.
    Empty {
        block: usize,
    },
    FreeOrCapture {
        page: usize,
        ty: usize,
    },
    ToggleIsolation {
        block: usize,
        pageblock: usize,
    },
    IsolateFreePage {
        block: usize,
        mt: usize,
    },
    ReserveHighAtomic {
        page: usize,
    },
    UnreserveHighAtomic {
        block: usize,
        mt: usize,
    },
}

fn kinds(sizes: Sizes, blocks: usize) -> impl Strategy<Value = Vec<Kind>> {
    let geometry = sizes.geometry;
    let (pages, pageblocks) = (1u32 << geometry.block_order, geometry.pageblocks());
    let kind = prop_oneof![
        6 => Just(Kind::Complete),
        1 => (0..pages, 0..pages).prop_map(|(a, b)| Kind::Partial(a.min(b), a.max(b) + 1)),
        1 => (0..pages).prop_map(Kind::Reserved),
        1 => (0..pageblocks, 1..=pageblocks)
            .prop_map(move |(first, nr)| Kind::Cma(first, nr.min(pageblocks - first))),
    ];
    prop::collection::vec(kind, 1..=blocks)
}

fn want(sizes: Sizes) -> impl Strategy<Value = Want> {
    let pageblock = sizes.geometry.pageblock_order.index() as u32;
    let max = sizes.max_order;
    let order = prop_oneof![
        6 => Just(0),
        3 => 0..pageblock,
        1 => pageblock..=max,
    ];
    let ty = prop_oneof![
        5 => Just(Type::Movable),
        4 => Just(Type::Unmovable),
        3 => Just(Type::Reclaimable),
        1 => Just(Type::HighAtomic),
    ];
    let flags = prop_oneof![3 => 0u32..64, 1 => 0u32..128];
    (order, ty, flags).prop_map(|(order, ty, flags)| Want { order, ty, flags })
}

fn op(sizes: Sizes, count: u32) -> impl Strategy<Value = Op> {
    let any = any::<u16>().prop_map(usize::from);
    prop_oneof![
        8 => (want(sizes), 1..=count).prop_map(|(want, count)| Op::Alloc { want, count }),
        6 => (any.clone(), 1usize..9, 1..=2 * count as usize)
            .prop_map(|(first, stride, count)| Op::Free { first, stride, count }),
        1 => any.clone().prop_map(|block| Op::Empty { block }),
        2 => (any.clone(), 0..3usize).prop_map(|(page, ty)| Op::FreeOrCapture { page, ty }),
        1 => (any.clone(), any.clone())
            .prop_map(|(block, pageblock)| Op::ToggleIsolation { block, pageblock }),
        1 => (any.clone(), 0..CMA)
            .prop_map(|(block, mt)| Op::IsolateFreePage { block, mt }),
        1 => any.clone().prop_map(|page| Op::ReserveHighAtomic { page }),
        1 => (any, 0..3usize).prop_map(|(block, mt)| Op::UnreserveHighAtomic { block, mt }),
    ]
}

/// The blocks of a zone, and what happens to it.
pub(crate) type Case = (Vec<Kind>, Vec<Op>);

/// Up to `blocks` blocks, and requests for up to `count` pages at a time.
pub(crate) fn case(sizes: Sizes, blocks: usize, count: u32) -> impl Strategy<Value = Case> {
    let ops = prop::collection::vec(op(sizes, count), 1..60);
    (kinds(sizes, blocks), ops)
}
