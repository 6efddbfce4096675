// SPDX-License-Identifier: GPL-2.0-only

//! Does the placement policy of the kernel hold its promises, tried by the million?
//!
//! The policy's own files are compiled here unchanged. Around them:
//!
//! - [`block`]: one block as C has it: free lists, counters, contents;
//! - [`hooks`]: when C calls the policy (mm/superpageblock/block.h);
//! - [`buddy`]: taking, freeing and retyping pages (mm/page_alloc.c);
//! - [`rmqueue`]: carrying out plans (mm/superpageblock/rmqueue.h);
//! - [`scenario`]: zones to try things on, and what else happens in one;
//! - [`machine`]: zones that are full but for what a test frees;
//! - [`truth`]: what is so, found by looking at every page and block;
//! - [`oracle`]: what the tables mean, found by looking at every block;
//! - [`ops`]: random operations;
//! - [`props`]: all promises, checked after each operation;
//! - [`steering`]: one small zone per promise about where pages go;
//! - [`contents`]: one zone per promise about what is kept apart and remembered;
//! - [`calls`]: how often the policy is called.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

// What only the functions that C calls use is dead code here.
#[allow(dead_code)]
#[path = "../../../../../mm/superpageblock/policy/mod.rs"]
mod policy;

#[cfg(test)]
mod block;
#[cfg(test)]
mod buddy;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod contents;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod ops;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod props;
#[cfg(test)]
mod rmqueue;
#[cfg(test)]
mod scenario;
#[cfg(test)]
mod steering;
#[cfg(test)]
mod truth;
