// SPDX-License-Identifier: GPL-2.0-only

//! Does the report say what the runs said, worst first?

use super::*;

fn run(kernel: &str, seed: u64, values: &[(&str, &str)]) -> GuestRun {
    let pair = |(k, v): &(&str, &str)| (k.to_string(), v.to_string());
    GuestRun {
        kernel: kernel.into(),
        seed,
        values: values.iter().map(pair).collect(),
        maps: vec![
            ("before".into(), "p+p_+-R".into()),
            ("after".into(), "p+p_HHR".into()),
        ],
        seconds: 80.0,
        splats: Vec::new(),
    }
}

fn two() -> Vec<GuestRun> {
    vec![
        run(
            "patched",
            1,
            &[("possible", "4"), ("obtained", "4"), ("pgscan", "9")],
        ),
        run(
            "stock",
            1,
            &[("possible", "4"), ("obtained", "1"), ("pgscan", "3")],
        ),
    ]
}

#[test]
fn worse_values_come_first() {
    let text = report(&two());
    assert!(text.starts_with("worse than stock:\n  seed 1: pgscan 3 -> 9\n"));
    assert!(!text.contains("obtained 1 -> 4"));
}

#[test]
fn nothing_worse_means_no_such_line() {
    let mut runs = two();
    runs[0].values.insert("pgscan".into(), "3".into());
    assert!(!report(&runs).contains("worse"));
}

#[test]
fn stock_is_the_first_column_and_the_ratio_the_last() {
    let text = report(&two());
    let line = text.lines().find(|l| l.starts_with("obtained")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words, ["obtained", "1", "4", "4.000"]);
}

#[test]
fn the_summary_adds_the_seeds_and_drops_runs_that_lost_live_memory() {
    let mut runs = two();
    runs.push(run(
        "patched",
        2,
        &[("possible", "4"), ("obtained", "4"), ("live_kept", "no")],
    ));
    let text = report(&runs);
    assert!(text.contains("patched  2 run(s): 1 GB pages possible 8, obtained 8, yield 50.0 %"));
    assert!(text.contains("stock    1 run(s): 1 GB pages possible 4, obtained 1, yield 25.0 %"));
}

#[test]
fn lines_fit_80_columns_without_colour_codes() {
    let mut runs = two();
    runs[0].maps[0].1 = "m".repeat(200);
    let text = report(&runs);
    assert!(text.lines().all(|l| l.chars().count() <= 80));
    assert!(!text.contains('\x1b'));
    assert!(report_colored(&runs).contains('\x1b'));
}

#[test]
fn before_is_shown_ahead_of_after_for_both_kernels() {
    let text = report(&two());
    let at = |needle: &str| text.find(needle).unwrap();
    assert!(at("before stock") < at("before patched"));
    assert!(at("before patched") < at("after stock"));
    assert!(text.contains("after patched   p+p_HHR\n"));
}

#[test]
fn one_kernel_alone_gets_no_ratio() {
    let text = report(&two()[..1]);
    assert!(!text.contains("patched/stock"));
    assert!(!text.contains("worse"));
}

#[test]
fn splats_are_listed() {
    let mut runs = two();
    runs[0].splats.push("WARNING: at mm/page_alloc.c".into());
    assert!(report(&runs).contains("splat (patched, seed 1): WARNING: at mm/page_alloc.c"));
}
