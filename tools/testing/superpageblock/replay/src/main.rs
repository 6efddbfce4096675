// SPDX-License-Identifier: GPL-2.0-only

//! What would the placement policy have done with what programs once asked for?
//!
//! Each argument is `NAME=TAPE,TAPE...`, a recording by the guest scenario `record` with a tape for each
//! processor. One line comes out for each: `NAME key=value ...`. The policy is the one that `build.rs` has put
//! together: that of the kernel, or one with another rule.
//!
//! - [`tape`]: the events on a tape;
//! - [`recording`]: those of all processors, in order;
//! - [`held`]: which page of the model is which page of the recorded machine;
//! - [`run`]: the events on a model of a zone; [`room`]: how that makes room;
//! - [`counts`]: what is counted.
//!
//! `block`, `buddy`, `hooks`, `rmqueue` and `scenario` are the model of a zone with which the policy is tested.

#![forbid(unsafe_code)]

mod counts;
mod held;
mod recording;
mod room;
mod run;
mod tape;
#[cfg(test)]
mod testing;

// What only tests use is dead code here.
#[allow(dead_code)]
#[path = "../../policy/src/block.rs"]
mod block;
#[allow(dead_code)]
#[path = "../../policy/src/buddy.rs"]
mod buddy;
#[allow(dead_code)]
#[path = "../../policy/src/hooks.rs"]
mod hooks;
#[allow(dead_code)]
#[path = "../../policy/src/rmqueue.rs"]
mod rmqueue;
#[allow(dead_code)]
#[path = "../../policy/src/scenario.rs"]
mod scenario;

#[allow(dead_code, unused_imports)]
mod rules {
    include!(concat!(env!("OUT_DIR"), "/policy.rs"));
    pub(crate) use policy::*;
}
use rules as policy;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;

fn main() -> ExitCode {
    match perform() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let memory = arguments.next().context("say MIB NAME=TAPE,TAPE...")?;
    let memory: u64 = memory
        .parse()
        .with_context(|| format!("'{memory}' is no number of MiB"))?;
    for argument in arguments {
        let (name, tapes) = argument
            .split_once('=')
            .with_context(|| format!("{argument}: say NAME=TAPE,TAPE..."))?;
        let tapes: Vec<PathBuf> = tapes.split(',').map(PathBuf::from).collect();
        let events = recording::read(&tapes)?;
        println!("{name} {}", run::replay(memory, &events));
    }
    Ok(())
}
