// SPDX-License-Identifier: GPL-2.0-only

//! Does anything under zone->lock cost more instructions where there is more memory?

use std::path::Path;

use scale::callgrind;
use scale::ledger;

#[test]
fn no_decision_costs_more_where_there_is_more_memory() {
    let program = Path::new(env!("CARGO_BIN_EXE_scale"));
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("callgrind");
    let costs = callgrind::count(program, &dir).unwrap_or_else(|error| panic!("{error:#}"));
    let rows = ledger::rows(&costs);
    let complaints = ledger::complaints(&rows);
    assert!(
        complaints.is_empty(),
        "{}\n{}",
        complaints.join("\n"),
        ledger::table(&rows)
    );
}
