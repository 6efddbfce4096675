// SPDX-License-Identifier: GPL-2.0-only

//! How does a machine that watches what is executed know what is being measured?
//!
//! By instructions that do nothing: the marks of the plugin, see `../plugin`. The module `spb_bench` has its own.

use core::arch::asm;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use crate::protocol;

/// Displacement of the first mark.
const MAGIC: i32 = 0x5350_4200;
/// A row begins.
const ROW: i32 = MAGIC;
/// A window of what programs do begins.
const PATH: i32 = MAGIC + 4;
/// A window ends.
const END: i32 = MAGIC + 10;

/// Rows so far; the machine counts them too.
static ROWS: AtomicU32 = AtomicU32::new(0);

/// Begins a row, and says which number it has.
pub(super) fn row(name: &str) {
    let number = ROWS.fetch_add(1, Ordering::Relaxed) + 1;
    protocol::metric(&format!("bench_row.{number}"), name);
    mark::<ROW>();
}

/// Does `work` in a window.
pub(super) fn window<T>(work: impl FnOnce() -> T) -> T {
    mark::<PATH>();
    let result = work();
    mark::<END>();
    result
}

fn mark<const DISPLACEMENT: i32>() {
    // SAFETY: nothing is read, written or changed.
    unsafe {
        asm!("nop dword ptr [rax + {}]", const DISPLACEMENT, options(nostack, preserves_flags))
    };
}
