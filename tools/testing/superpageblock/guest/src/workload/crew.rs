// SPDX-License-Identifier: GPL-2.0-only

//! How does PID 1 lead the workers through the rounds?

use std::io;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::forker;
use super::plan::Plan;
use super::worker::Worker;
use crate::rng::Rng;
use crate::sys::process;
use crate::sys::process::Child;
use crate::Result;

/// Milliseconds between two looks at memory while the workers work.
const SAMPLE_MS: libc::c_int = 400;
/// Files one process may have open: pipes and sockets use two each.
const OPEN_FILES: u64 = 1 << 19;

/// What all members are told to do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Grow to the peak.
    Grow,
    /// Free down to the live size.
    Shrink,
}

/// The processes of the workload; ending it ends them and frees what they hold.
pub(crate) struct Crew {
    members: Vec<Member>,
}

struct Member {
    line: UnixStream,
    /// Killed when the crew is dropped.
    _child: Child,
}

impl Crew {
    /// Starts the plan's workers, with their files below `files`, and one process that only forks.
    pub(crate) fn start(plan: Plan, files: &Path) -> Result<Self> {
        process::allow_files(OPEN_FILES);
        let mut members = Vec::new();
        for number in 0..plan.workers {
            members.push(Member::start("worker", |line| {
                work(line, Worker::new(plan, number, files)?)
            })?);
        }
        members.push(Member::start("forker", |line| fork_on(line, plan))?);
        Ok(Self { members })
    }

    /// Has every member do `phase`, calling `sample` now and then until the last one is done.
    pub(crate) fn run(
        &mut self,
        phase: Phase,
        mut sample: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        for member in &mut self.members {
            member.line.write_all(&[phase as u8])?;
        }
        for member in &mut self.members {
            while !readable(&member.line)? {
                sample()?;
            }
            let mut answer = [0];
            let outcome = member.line.read_exact(&mut answer);
            outcome.map_err(|_| format!("a worker died while told to {phase:?}"))?;
        }
        sample()
    }
}

impl Member {
    fn start(name: &str, body: impl FnOnce(UnixStream) -> Result<()>) -> Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let child = Child::spawn(name, || body(theirs))?;
        Ok(Self {
            line: ours,
            _child: child,
        })
    }
}

fn work(line: UnixStream, mut worker: Worker) -> Result<()> {
    obey(line, |phase| match phase {
        Phase::Grow => worker.grow(),
        Phase::Shrink => {
            worker.shrink();
            Ok(())
        }
    })
}

fn fork_on(line: UnixStream, plan: Plan) -> Result<()> {
    let mut rng = Rng::new(plan.seed, plan.workers);
    obey(line, |phase| match phase {
        Phase::Grow => forker::round(&mut rng),
        Phase::Shrink => Ok(()),
    })
}

/// Does each phase it is told, then says so; holds its memory in between, for ever.
fn obey(mut line: UnixStream, mut act: impl FnMut(Phase) -> Result<()>) -> Result<()> {
    let mut order = [0];
    loop {
        line.read_exact(&mut order)?;
        let phase = if order[0] == Phase::Grow as u8 {
            Phase::Grow
        } else {
            Phase::Shrink
        };
        act(phase)?;
        line.write_all(&order)?;
    }
}

/// Waits for an answer, for the time between two samples.
fn readable(line: &UnixStream) -> Result<bool> {
    let mut poll = libc::pollfd {
        fd: line.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one structure is passed and it lives until the call returns.
    match unsafe { libc::poll(&mut poll, 1, SAMPLE_MS) } {
        -1 => Err(io::Error::last_os_error().into()),
        ready => Ok(ready > 0),
    }
}
