// SPDX-License-Identifier: GPL-2.0-only

//! Is what is measured, and how it is judged, right in itself?

use scale::agreement;
use scale::bits::Bits;
use scale::callgrind;
use scale::callgrind::Cost;
use scale::cases;
use scale::cases::Growth;
use scale::cases::SIZES;
use scale::ledger::Row;

fn set(of: impl Iterator<Item = u32>) -> Bits {
    let mut bits = Bits::new(16384);
    of.for_each(|bit| bits.set(bit));
    bits
}

#[test]
fn what_two_sets_have_in_common_is_found_wherever_it_is() {
    for only in [0, 63, 64, 4095, 4096, 16383] {
        let (mut even, mut odd) = (set((0..16384).step_by(2)), set((1..16384).step_by(2)));
        assert_eq!(even.first_common(&odd), None);
        even.set(only);
        odd.set(only);
        assert_eq!(even.first_common(&odd), Some(only));
    }
}

#[test]
fn summaries_follow_what_is_put_in_and_taken_out() {
    let (mut bits, all) = (Bits::new(16384), set(0..16384));
    for bit in [5, 70, 9000] {
        bits.set(bit);
    }
    for bit in [5, 70, 9000] {
        assert_eq!(bits.first_common(&all), Some(bit));
        bits.clear(bit);
    }
    assert!(bits.is_empty());
    assert_eq!(bits.first_common(&all), None);
}

#[test]
fn lists_and_bitmaps_find_blocks_that_are_alike() {
    assert_eq!(agreement::disagreements(4000), 0);
}

#[test]
fn totals_are_found_by_the_names_of_events() {
    let text = "version: 1\nevents: Ir Dr D1mr D1mw\n\nfn=(1) x\n1 2 3 4 5\ntotals: 9 8 3 4\n";
    assert_eq!(callgrind::totals(text), Some((9, 7)));
    assert_eq!(callgrind::totals("events: Dr\ntotals: 1\n"), None);
    assert_eq!(callgrind::totals("events: Ir\n"), None);
}

/// A row of the first case that must not grow, or of the first that does.
fn row(flat: bool, instructions: [f64; SIZES.len()]) -> Row {
    let found = cases::all().find(|(_, case, _)| match case.growth {
        Growth::None { from } => flat && from == SIZES[0],
        Growth::Known(_) => !flat,
        Growth::Alternative => false,
    });
    let Some((group, case, _)) = found else {
        panic!("there is no such case");
    };
    let costs = instructions.map(|instructions| Cost {
        instructions,
        misses: 0.0,
    });
    Row { group, case, costs }
}

#[test]
fn growth_by_a_tenth_is_the_limit() {
    let most = row(true, [100.0, 100.0, 100.0, 110.0]);
    assert_eq!(most.complaint(), None);
    let more = row(true, [100.0, 100.0, 100.0, 111.0]);
    assert!(more.complaint().is_some());
}

#[test]
fn what_no_longer_grows_must_be_said() {
    let grows = row(false, [8.0, 64.0, 1024.0, 16384.0]);
    assert_eq!(grows.complaint(), None);
    assert!(row(false, [8.0; SIZES.len()]).complaint().is_some());
}
