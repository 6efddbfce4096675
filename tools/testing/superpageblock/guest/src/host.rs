// SPDX-License-Identifier: GPL-2.0-only

//! How does the guest have the host change the machine?
//!
//! It prints what it asks for and reads one line as answer from its console. Only one process may ask
//! at a time.

use std::io;
use std::io::BufRead;

use crate::protocol;
use crate::sys::ram::Range;
use crate::sys::tty;
use crate::Result;

/// Longest wait for an answer in milliseconds: the host itself waits for up to three minutes.
const PATIENCE_MS: libc::c_int = 240_000;

/// A memory module that was plugged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Module {
    /// The host's name for it.
    pub(crate) id: String,
    /// Its address in bytes.
    pub(crate) address: u64,
    /// Its size in bytes.
    pub(crate) bytes: u64,
}

impl Module {
    /// Its page frames.
    pub(crate) fn frames(&self, page_bytes: u64) -> Range {
        Range {
            start: self.address / page_bytes,
            end: (self.address + self.bytes) / page_bytes,
        }
    }
}

/// Memory of the virtual machine's process that is resident, in MiB.
pub(crate) fn resident_mib() -> Result<u64> {
    let answer = ask("rss")?;
    let number = answer.parse();
    number.map_err(|_| format!("the host's answer {answer:?} is no number").into())
}

/// Plugs a module in; its memory appears in sysfs a moment later.
pub(crate) fn plug(mib: u64, node: u64) -> Result<Module> {
    let answer = ask(&format!("plug {mib} {node}"))?;
    let module = module(&answer, mib << 20);
    module.ok_or_else(|| format!("the host's answer {answer:?} is no module").into())
}

/// Pulls a module out; an error says that the kernel kept it.
pub(crate) fn unplug(module: &Module) -> Result<()> {
    ask(&format!("unplug {}", module.id)).map(drop)
}

/// Has virtio-mem provide `mib` in all.
pub(crate) fn virtio_mem(mib: u64) -> Result<()> {
    ask(&format!("virtio-mem {mib}")).map(drop)
}

fn ask(request: &str) -> Result<String> {
    tty::silence();
    protocol::ask(request);
    if !tty::readable(PATIENCE_MS)? {
        return Err(format!("the host does not answer '{request}'").into());
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    match line.trim().split_once(' ').unwrap_or((line.trim(), "")) {
        ("ok", text) => Ok(text.to_string()),
        ("error", reason) => Err(format!("{request}: {reason}").into()),
        _ => Err(format!("{request}: the host's answer {line:?} is none").into()),
    }
}

/// `ID 0xADDRESS`
fn module(answer: &str, bytes: u64) -> Option<Module> {
    let (id, address) = answer.split_once(" 0x")?;
    Some(Module {
        id: id.to_string(),
        address: u64::from_str_radix(address, 16).ok()?,
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_has_name_and_address() {
        let found = module("dimm0 0x140000000", 1 << 30).expect("a module");
        assert_eq!(found.id, "dimm0");
        let range = found.frames(4096);
        assert_eq!((range.start, range.end), (0x140000, 0x180000));
        assert_eq!(module("dimm0", 1), None);
    }
}
