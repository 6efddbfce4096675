// SPDX-License-Identifier: GPL-2.0-only

//! Are writes to the policy's read-only debugfs files refused?

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::protocol;
use crate::sys::files;
use crate::verify;
use crate::Result;

const FILES: [&str; 3] = ["summary", "blocks", "verify"];

/// Nothing, a number, a command, text that is no UTF-8, more than a page.
fn inputs() -> Vec<Vec<u8>> {
    vec![
        b"0".to_vec(),
        b"1\n".to_vec(),
        b"reset\n".to_vec(),
        b"-1 18446744073709551616 %s%n".to_vec(),
        vec![0xff; 16],
        vec![b'9'; 10_000],
    ]
}

/// Writes to each file; every one must be refused and nothing may change.
pub(crate) fn run() -> Result<()> {
    if !verify::patched() {
        protocol::log("skipped: this kernel has no superpageblock debugfs");
        return Ok(());
    }
    for name in FILES {
        let path = Path::new(verify::DIR).join(name);
        protocol::test(&format!("refuses_{name}"), refuses(&path));
        verify::report(&format!("after_writing_{name}"));
    }
    Ok(())
}

fn refuses(path: &Path) -> Result<()> {
    let lines = files::read(path)?.lines().count();
    for input in inputs() {
        // Opening may be refused already; for root it usually is not.
        let Ok(mut file) = OpenOptions::new().write(true).open(path) else {
            continue;
        };
        if file.write(&input).is_ok() {
            return Err(format!("{} bytes were accepted", input.len()).into());
        }
    }
    let now = files::read(path)?.lines().count();
    if now != lines {
        return Err(format!("{lines} lines before, {now} after").into());
    }
    Ok(())
}
