// SPDX-License-Identifier: GPL-2.0-only

//! Which processes allocate and free anonymous memory for as long as a test goes on?

use crate::rng::Rng;
use crate::sys::process::Child;
use crate::sys::stat::Counters;
use crate::workload::anon::Anon;
use crate::workload::Kind;
use crate::Result;

/// Processes at work.
const WORKERS: u64 = 2;
/// Percentage of a worker's peak at which it grows again.
const LOW: u64 = 40;

/// The processes; they end, and what they hold is freed, on drop.
pub(crate) struct Churn {
    _workers: Vec<Child>,
}

impl Churn {
    /// Starts processes that together grow to `percent` of the memory that is available now.
    pub(crate) fn start(seed: u64, percent: u64) -> Result<Self> {
        let available = Counters::meminfo()?.get("MemAvailable") * 1024;
        let peak = available / 100 * percent / WORKERS;
        let worker = |number| Child::spawn("churn", move || work(Rng::new(seed, number), peak));
        let workers: Result<Vec<Child>> = (0..WORKERS).map(worker).collect();
        Ok(Self { _workers: workers? })
    }
}

/// Grows and shrinks until killed.
fn work(mut rng: Rng, peak: u64) -> Result<()> {
    let mut memory = Anon::default();
    loop {
        while memory.held() < peak {
            memory.grow(&mut rng)?;
        }
        while memory.held() > peak / 100 * LOW {
            memory.shrink(&mut rng);
        }
    }
}
