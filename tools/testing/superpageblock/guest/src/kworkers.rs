// SPDX-License-Identifier: GPL-2.0-only

//! How much of the machine do the kernel's unbound workers take?
//!
//! The policy's worker runs on their threads, as others do: what they take is the most that it may have taken.

use std::collections::HashMap;
use std::time::Instant;

use crate::protocol;
use crate::sys::files;
use crate::sys::memory;
use crate::Result;

/// What the threads are called.
const THREADS: &str = "kworker/u";
/// Times in /proc are in hundredths of a second (USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;
/// Part of the machine that the policy's worker may take.
const MOST: f64 = 0.02;

/// Time that the threads take from some moment on.
pub(crate) struct Share {
    begin: Instant,
    /// Ticks of each thread when last looked at.
    seen: HashMap<String, u64>,
    ticks: u64,
}

impl Share {
    /// From now on.
    pub(crate) fn start() -> Result<Self> {
        Ok(Self {
            begin: Instant::now(),
            seen: threads()?,
            ticks: 0,
        })
    }

    /// Adds what was taken since the last look. What a thread took that has ended since then is lost, but they live for
    /// five minutes after their last work (`IDLE_WORKER_TIMEOUT`).
    pub(crate) fn look(&mut self) -> Result<()> {
        let now = threads()?;
        let since = |(thread, ticks): (&String, &u64)| {
            let before = self.seen.get(thread).copied().unwrap_or(0);
            ticks.saturating_sub(before)
        };
        self.ticks += now.iter().map(since).sum::<u64>();
        self.seen = now;
        Ok(())
    }

    /// Reports the part of the machine's time that was taken as `name`; an error if it is too much.
    pub(crate) fn report(mut self, name: &str) -> Result<()> {
        self.look()?;
        let machine = self.begin.elapsed().as_secs_f64() * memory::processors() as f64;
        let share = self.ticks as f64 / TICKS_PER_SECOND / machine;
        protocol::metric(name, format_args!("{share:.4}"));
        match share <= MOST {
            true => Ok(()),
            false => Err(format!("{share:.4} of the machine, at most {MOST} is allowed").into()),
        }
    }
}

/// Ticks of each thread, by number.
fn threads() -> Result<HashMap<String, u64>> {
    let mut threads = HashMap::new();
    for path in files::entries("/proc") {
        // A thread may end at any time, and most entries are none.
        let Ok(stat) = files::read(path.join("stat")) else {
            continue;
        };
        threads.extend(parse(&stat));
    }
    match threads.is_empty() {
        true => Err(format!("no thread is called {THREADS}").into()),
        false => Ok(threads),
    }
}

/// Number and ticks from `/proc/PID/stat`, if it is one of the threads.
fn parse(stat: &str) -> Option<(String, u64)> {
    let (number, rest) = stat.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    // Fields from the third on. The 14th is time in user space: what a thread takes between two ticks of the clock is
    // taken for that, though it is one of the kernel.
    let times = rest.split_whitespace().skip(11).take(2);
    let ticks = times
        .map(|time| time.parse::<u64>().ok())
        .sum::<Option<u64>>()?;
    name.starts_with(THREADS)
        .then(|| (number.to_string(), ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unbound_workers_count() {
        let stat = |name: &str| {
            format!("8 ({name}) I 2 0 0 0 -1 69238880 0 0 0 0 5 17 0 0 20 0 1 0 39 0 0\n")
        };
        let worker = parse(&stat("kworker/u9:1-superpageblock"));
        assert_eq!(worker, Some(("8".to_string(), 22)));
        assert_eq!(parse(&stat("kworker/0:1-events")), None);
        assert_eq!(parse(&stat("a (kworker/u8) b")), None);
    }
}
