// SPDX-License-Identifier: GPL-2.0-only

//! What does one worker process do in each phase of a round?

use std::path::Path;

use super::anon::Anon;
use super::cache::Cache;
use super::dentries::Dentries;
use super::pipes::Pipes;
use super::plan::Plan;
use super::sockets::Sockets;
use super::tables::Tables;
use super::Kind;
use crate::protocol;
use crate::rng::Rng;
use crate::sys::stat::Counters;
use crate::Result;

/// Steps between looks at the memory that is left.
const STEPS_PER_LOOK: u32 = 16;

/// One worker's memory.
pub(crate) struct Worker {
    plan: Plan,
    rng: Rng,
    /// In the order of [`super::plan::Shares::list`].
    kinds: Vec<Box<dyn Kind>>,
    /// Kinds that failed and grow no more.
    given_up: Vec<bool>,
}

impl Worker {
    /// Worker `number`, with its files below `files`.
    pub(crate) fn new(plan: Plan, number: u64, files: &Path) -> Result<Self> {
        let own = files.join(format!("worker{number}"));
        let kinds: Vec<Box<dyn Kind>> = vec![
            Box::new(Anon::default()),
            Box::new(Cache::new(own.join("cache"))?),
            Box::new(Pipes::default()),
            Box::new(Sockets::default()),
            Box::new(Dentries::new(own.join("names"))?),
            Box::new(Tables::default()),
        ];
        Ok(Self {
            rng: Rng::new(plan.seed, number),
            given_up: vec![false; kinds.len()],
            kinds,
            plan,
        })
    }

    /// Grows all kinds side by side to the plan's peak, or until memory runs short.
    pub(crate) fn grow(&mut self) -> Result<()> {
        let goals = self.plan.peak.list();
        let mut steps = 0;
        while let Some(index) = self.furthest_behind(&goals) {
            if let Err(error) = self.kinds[index].grow(&mut self.rng) {
                protocol::log(format_args!("{}: {error}", self.kinds[index].name()));
                self.given_up[index] = true;
            }
            steps += 1;
            if steps % STEPS_PER_LOOK == 0 && self.short_of_memory()? {
                break;
            }
        }
        Ok(())
    }

    /// Frees at random what exceeds the plan's live size.
    pub(crate) fn shrink(&mut self) {
        let goals = self.plan.live.list();
        while let Some(index) = self.largest_excess(&goals) {
            self.kinds[index].shrink(&mut self.rng);
        }
    }

    /// The kind with the smallest part of its goal reached, or `None` when all have reached theirs.
    fn furthest_behind(&self, goals: &[u64]) -> Option<usize> {
        (0..self.kinds.len())
            .filter(|&i| !self.given_up[i] && self.kinds[i].held() < goals[i])
            .min_by_key(|&i| self.permille(i, goals))
    }

    fn largest_excess(&self, goals: &[u64]) -> Option<usize> {
        (0..self.kinds.len())
            .filter(|&i| self.kinds[i].held() > goals[i])
            .max_by_key(|&i| self.permille(i, goals))
    }

    fn permille(&self, index: usize, goals: &[u64]) -> u64 {
        self.kinds[index].held() * 1000 / goals[index].max(1)
    }

    fn short_of_memory(&self) -> Result<bool> {
        Ok(Counters::meminfo()?.get("MemAvailable") < self.plan.floor_kb)
    }
}
