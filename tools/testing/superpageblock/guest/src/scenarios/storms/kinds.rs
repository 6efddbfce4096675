// SPDX-License-Identifier: GPL-2.0-only

//! Which storms are there, and how high do they rise?

use std::path::Path;

use super::cover::Of;
use super::limited::Limited;
use super::packets::Packets;
use super::processes::Processes;
use crate::cmdline::Cmdline;
use crate::sys::files;
use crate::sys::mounts;
use crate::sys::swap;
use crate::workload::anon::Anon;
use crate::workload::dentries::Dentries;
use crate::workload::sockets::Sockets;
use crate::workload::Kind;
use crate::Result;

/// Values of `spb.arg.kind`:
/// directory entries and inodes of a file system on disk, while its page cache fills memory;
/// data queued in sockets; memory taken where nobody can wait; processes; page cache and inodes in a control
/// group with a limit; anonymous memory that is swapped out to compressed memory.
pub(super) const NAMES: [&str; 6] = [
    "inodes",
    "sockets",
    "packets",
    "processes",
    "limited",
    "swapped",
];

const ZRAM: &str = "zram0";

/// Memory that comes in a rush and goes.
pub(super) struct Storm {
    pub(super) kind: Box<dyn Kind>,
    /// Bytes that it grows to.
    pub(super) height: u64,
    /// Bytes that stay.
    pub(super) stays: u64,
    /// What memory is full of meanwhile.
    pub(super) cover: Of,
}

/// The storm that `spb.arg.kind` names, in memory of `total` bytes.
pub(super) fn storm(cmdline: &Cmdline, total: u64) -> Result<Storm> {
    let of = |kind: Box<dyn Kind>, percent: u64, cover| Storm {
        kind,
        height: total / 100 * percent,
        stays: total / 100 * percent / 4,
        cover,
    };
    Ok(match cmdline.text("kind", "") {
        "inodes" => of(Box::new(on_disk(cmdline)?), 2, Of::Files),
        "sockets" => of(Box::<Sockets>::default(), 4, Of::Anonymous),
        "packets" => {
            mount(cmdline)?;
            of(Box::new(Packets::new()?), 2, Of::Files)
        }
        "processes" => of(Box::<Processes>::default(), 3, Of::Anonymous),
        "limited" => {
            mount(cmdline)?;
            of(Box::new(Limited::new(total / 16)?), 20, Of::Anonymous)
        }
        "swapped" => {
            swap_to_memory(total / 2)?;
            of(Box::<Anon>::default(), 110, Of::Nothing)
        }
        other => {
            return Err(format!("no storm is named '{other}'; there are {NAMES:?}").into());
        }
    })
}

fn on_disk(cmdline: &Cmdline) -> Result<Dentries> {
    mount(cmdline)?;
    Dentries::new(Path::new(mounts::DISK).join("names"))
}

fn mount(cmdline: &Cmdline) -> Result<()> {
    mounts::require_disk(cmdline.text("fs", "ext4"))
}

/// Compressed memory takes what is swapped out, up to so many bytes before they are compressed.
fn swap_to_memory(bytes: u64) -> Result<()> {
    files::write(format!("/sys/block/{ZRAM}/disksize"), &bytes.to_string())?;
    swap::make(&format!("/dev/{ZRAM}"))
}
