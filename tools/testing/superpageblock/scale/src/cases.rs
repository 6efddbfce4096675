// SPDX-License-Identifier: GPL-2.0-only

//! What is measured, and what of it may grow with the number of blocks?

use crate::bitmap::Bitmap;
use crate::finder::Finder;
use crate::moves;
use crate::picks;
use crate::plans;
use crate::segregated::Segregated;
use crate::stale;
use crate::updates;
use crate::walks;

/// Blocks in the zones that are measured; a block is a gigabyte.
pub const SIZES: [u32; 4] = [8, 64, 1024, 16384];

/// Operations in one measurement, where an operation can be repeated.
pub(crate) const OPERATIONS: u32 = 200;

/// Something that can be measured, with the zone it needs.
pub trait Work {
    /// Bring the zone into the state that the next run starts from; not measured.
    fn reset(&mut self) {}

    /// Do it, and say how many operations that were.
    fn run(&mut self) -> u32;
}

/// How a cost may depend on the number of blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Growth {
    /// Not at all, from this size in [`SIZES`] on. Smaller zones cannot have the state.
    None {
        /// The size that others are compared with.
        from: u32,
    },
    /// It grows, and why that is accepted or not.
    Known(&'static str),
    /// Measured for comparison, and not used.
    Alternative,
}

/// An operation on a zone of any size.
pub struct Case {
    /// What it is.
    pub name: &'static str,
    /// What is allowed.
    pub growth: Growth,
    /// Makes a zone of that many blocks.
    pub build: fn(u32) -> Box<dyn Work>,
}

const FLAT: Growth = Growth::None { from: 8 };

const fn case(name: &'static str, growth: Growth, build: fn(u32) -> Box<dyn Work>) -> Case {
    Case {
        name,
        growth,
        build,
    }
}

/// The policy itself.
const POLICY: [Case; 14] = [
    case("plan a movable page", FLAT, plans::movable),
    case("plan a kernel page", FLAT, plans::unmovable),
    case("plan, last row of the table", FLAT, plans::last_row),
    case(
        "plan, each row looks at each bucket",
        Growth::None { from: 1024 },
        plans::every_bucket,
    ),
    case("correct a stale plan", FLAT, stale::correction),
    case(
        "fill and drain by a sixteenth",
        FLAT,
        updates::fill_and_drain,
    ),
    case(
        "denser and sparser by an eighth",
        FLAT,
        updates::denser_and_sparser,
    ),
    case("first page comes, last one goes", FLAT, updates::advertise),
    case("retype a pageblock", FLAT, updates::retype),
    case("rank a block for 1 GB", FLAT, walks::contig_rank),
    case(
        "hold of the lock, all plans are stale",
        Growth::None { from: 1024 },
        stale::hold,
    ),
    case(
        "rank all blocks for 1 GB",
        Growth::Known("without the lock, once for each 1 GB page asked for"),
        walks::contig_ranking,
    ),
    case(
        "copy what is known to a larger zone",
        Growth::Known("under zone->lock, when added memory outgrows the room"),
        walks::zone_move,
    ),
    case(
        "count blocks by state",
        Growth::Known("under zone->lock, when debugfs is read"),
        walks::tally,
    ),
];

/// A way of finding blocks.
const fn finder<F: Finder + 'static>(growth: Growth) -> [Case; 7] {
    [
        case("pick, all blocks alike", growth, picks::alike::<F>),
        case(
            "pick, one block at the far end",
            growth,
            picks::far_end::<F>,
        ),
        case(
            "pick, only the last bucket has it",
            growth,
            picks::last_bucket::<F>,
        ),
        case(
            "pick, every other block has half of it",
            growth,
            picks::alternating::<F>,
        ),
        case("pick, the same, found nowhere", growth, picks::nowhere::<F>),
        case(
            "move to the next bucket, 4 types",
            growth,
            moves::cross::<F>,
        ),
        case("file under another order", growth, moves::rise::<F>),
    ]
}

const INDEX: [Case; 7] = finder::<Segregated>(FLAT);
const BITMAP: [Case; 7] = finder::<Bitmap>(Growth::Alternative);

/// Cases that belong together, and what they are.
pub const GROUPS: [(&str, &[Case]); 3] =
    [("policy", &POLICY), ("index", &INDEX), ("bitmap", &BITMAP)];

/// Each case at each size, in the order in which they are measured.
pub fn all() -> impl Iterator<Item = (&'static str, &'static Case, u32)> {
    let cases = GROUPS
        .iter()
        .flat_map(|(group, cases)| cases.iter().map(move |case| (*group, case)));
    cases.flat_map(|(group, case)| SIZES.iter().map(move |size| (group, case, *size)))
}

/// Bytes for each block that a way of finding one needs in the largest zone: lists, bitmaps.
pub fn bytes_per_block() -> (usize, usize) {
    use crate::policy::index::Index;
    use crate::policy::index::Link;
    use crate::policy::units::TYPES;
    let blocks = SIZES[SIZES.len() - 1];
    let lists = size_of::<Index>() + blocks as usize * TYPES * size_of::<Link>();
    (
        lists / blocks as usize,
        Bitmap::new(blocks).bytes() / blocks as usize,
    )
}
