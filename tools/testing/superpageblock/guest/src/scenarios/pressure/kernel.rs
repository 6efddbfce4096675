// SPDX-License-Identifier: GPL-2.0-only

//! How does kernel memory grow in small steps, and shrink?

use std::path::Path;
use std::time::Instant;

use super::latency::Latency;
use crate::rng::Rng;
use crate::sys::memory;
use crate::sys::mounts;
use crate::workload::dentries::Dentries;
use crate::workload::pipes;
use crate::workload::pipes::Pipes;
use crate::workload::Kind;
use crate::Result;

/// Stream of random numbers.
const STREAM: u64 = 2;
/// One in so many bytes is for names, which are reclaimable; the rest is for pipes, which are not.
const NAMES: u64 = 4;
/// Pages for a directory with its names, some of them begun slabs.
const NAMES_PAGES: u64 = 24;
/// Pages for what a pipe is besides its contents.
const PIPE_PAGES: u64 = 8;

/// Unmovable and reclaimable memory.
pub(super) struct Kernel {
    pipes: Pipes,
    names: Dentries,
    rng: Rng,
    latency: Latency,
}

/// Bytes, or any two numbers, of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shares {
    pipes: u64,
    names: u64,
}

/// By what kernel memory grows next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A pipe with so many pages.
    Pipe(u64),
    /// A directory full of names.
    Names,
}

impl Step {
    /// Kilobytes that must be free for it.
    pub(super) fn kilobytes(self) -> u64 {
        let pages = match self {
            Self::Pipe(pages) => pages + PIPE_PAGES,
            Self::Names => NAMES_PAGES,
        };
        pages * memory::page_bytes() as u64 / 1024
    }
}

impl Shares {
    fn of(bytes: u64) -> Self {
        let names = bytes / NAMES;
        Self {
            pipes: bytes - names,
            names,
        }
    }

    /// Whether these, on the way to `goal`, lack more pipes than names; `None` where they lack neither.
    fn lack_pipes(self, goal: Self) -> Option<bool> {
        if self.pipes >= goal.pipes && self.names >= goal.names {
            return None;
        }
        let permille = |held: u64, goal: u64| held * 1000 / goal.max(1);
        Some(permille(self.pipes, goal.pipes) <= permille(self.names, goal.names))
    }
}

impl Kernel {
    /// Nothing yet; names come where [`mounts::mount_names`] mounted.
    pub(super) fn new(seed: u64) -> Result<Self> {
        Ok(Self {
            pipes: Pipes::default(),
            names: Dentries::new(Path::new(mounts::NAMES).join("names"))?,
            rng: Rng::new(seed, STREAM),
            latency: Latency::default(),
        })
    }

    /// What to grow by on the way to so many bytes, or `None` when they are reached.
    pub(super) fn next(&mut self, goal: u64) -> Option<Step> {
        let pipes = self.held().lack_pipes(Shares::of(goal))?;
        Some(match pipes {
            true => Step::Pipe(pipes::random_pages(&mut self.rng)),
            false => Step::Names,
        })
    }

    /// Grows, and remembers how long each page of a pipe took.
    pub(super) fn grow(&mut self, step: Step) -> Result<()> {
        let before = self.held();
        match step {
            Step::Pipe(pages) => self.grow_pipes(pages)?,
            Step::Names => self.names.grow(&mut self.rng)?,
        }
        match self.held() == before {
            true => Err("kernel memory did not grow".into()),
            false => Ok(()),
        }
    }

    /// Frees at random until no more than so many bytes are held.
    pub(super) fn shrink(&mut self, goal: u64) {
        let goal = Shares::of(goal);
        while self.pipes.held() > goal.pipes {
            self.pipes.shrink(&mut self.rng);
        }
        while self.names.held() > goal.names {
            self.names.shrink(&mut self.rng);
        }
    }

    /// Prints how long pages took.
    pub(super) fn print_latency(&self) {
        self.latency.print("pipe_write");
    }

    fn held(&self) -> Shares {
        Shares {
            pipes: self.pipes.held(),
            names: self.names.held(),
        }
    }

    fn grow_pipes(&mut self, pages: u64) -> Result<()> {
        let latency = &mut self.latency;
        self.pipes.grow_by(pages, |writer| {
            let start = Instant::now();
            let outcome = pipes::put_packet(writer);
            latency.add(start.elapsed());
            outcome
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOAL: Shares = Shares {
        pipes: 300,
        names: 100,
    };

    fn lack_pipes(pipes: u64, names: u64) -> Option<bool> {
        Shares { pipes, names }.lack_pipes(GOAL)
    }

    #[test]
    fn both_kinds_grow_side_by_side() {
        assert_eq!(Shares::of(400), GOAL);
        assert_eq!(lack_pipes(0, 0), Some(true));
        assert_eq!(lack_pipes(150, 49), Some(false));
        assert_eq!(lack_pipes(150, 51), Some(true));
    }

    #[test]
    fn growth_ends_when_neither_is_lacking() {
        assert_eq!(lack_pipes(299, 200), Some(true));
        assert_eq!(lack_pipes(400, 99), Some(false));
        assert_eq!(lack_pipes(300, 100), None);
        assert_eq!(Shares::of(0).lack_pipes(Shares::of(0)), None);
    }

    #[test]
    fn room_is_made_for_more_than_the_pages_of_a_pipe() {
        let bytes = Step::Pipe(256).kilobytes() * 1024;
        assert!(bytes > 256 * memory::page_bytes() as u64);
    }
}
