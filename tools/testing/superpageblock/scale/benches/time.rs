// SPDX-License-Identifier: GPL-2.0-only

//! How long does each case take, in a small zone and in a large one?

use std::time::Duration;
use std::time::Instant;

use criterion::criterion_group;
use criterion::criterion_main;
use criterion::Criterion;

use scale::cases;
use scale::cases::Work;
use scale::cases::SIZES;

/// Time of at least `wanted` operations, without what comes between runs, for `wanted`.
fn timed(work: &mut dyn Work, wanted: u64) -> Duration {
    let (mut done, mut total) = (0u64, Duration::ZERO);
    while done < wanted {
        work.reset();
        let start = Instant::now();
        done += u64::from(work.run());
        total += start.elapsed();
    }
    total.mul_f64(wanted as f64 / done as f64)
}

fn time(criterion: &mut Criterion) {
    let ends = [SIZES[0], SIZES[SIZES.len() - 1]];
    for (group, case, size) in cases::all().filter(|(_, _, size)| ends.contains(size)) {
        let mut work = (case.build)(size);
        let name = format!("{group}: {}, {size} GB", case.name);
        criterion.bench_function(&name, |bencher| {
            bencher.iter_custom(|wanted| timed(work.as_mut(), wanted));
        });
    }
}

fn settings() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .without_plots()
}

criterion_group! {
    name = benches;
    config = settings();
    targets = time
}
criterion_main!(benches);
