// SPDX-License-Identifier: GPL-2.0-only

//! Which file systems does PID 1 mount?

use std::ffi::CString;
use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use crate::protocol;
use crate::Result;

/// Where a disk is mounted, if there is one.
pub(crate) const DISK: &str = "/mnt";
/// Where a RAM file system is mounted.
pub(crate) const RAM: &str = "/tmp";
/// Where [`mount_names`] mounts.
pub(crate) const NAMES: &str = "/names";

const DISK_DEVICE: &str = "/dev/vda";

/// (source, target, type, options)
const PSEUDO: [(&str, &str, &str, &str); 6] = [
    ("proc", "/proc", "proc", ""),
    ("sysfs", "/sys", "sysfs", ""),
    ("devtmpfs", "/dev", "devtmpfs", ""),
    ("debugfs", "/sys/kernel/debug", "debugfs", ""),
    ("tmpfs", RAM, "tmpfs", "size=90%,nr_inodes=0"),
    ("cgroup2", "/sys/fs/cgroup", "cgroup2", ""),
];

/// Mounts what the kernel has, then makes the console standard input, output and error.
///
/// What is missing is left out: scenarios skip what they cannot see.
pub(crate) fn mount_all() {
    for (source, target, kind, options) in PSEUDO {
        let _ = fs::create_dir_all(target);
        let _ = mount(source, target, kind, options);
    }
    use_console();
}

/// Mounts for a system below `root` what programs expect of the kernel.
pub(crate) fn mount_pseudo_below(root: &str) -> Result<()> {
    for (source, target, kind, options) in PSEUDO {
        if kind != "debugfs" && kind != "cgroup2" {
            let target = format!("{root}{target}");
            mount(source, &target, kind, options).map_err(|e| format!("{target}: {e}"))?;
        }
    }
    let shared = format!("{root}/dev/shm");
    fs::create_dir_all(&shared)?;
    mount("tmpfs", &shared, "tmpfs", "").map_err(|e| format!("{shared}: {e}"))?;
    Ok(())
}

/// Mounts a file system whose inodes are reclaimable slab; those of [`RAM`] are unmovable.
pub(crate) fn mount_names() -> io::Result<()> {
    fs::create_dir_all(NAMES)?;
    mount("ramfs", NAMES, "ramfs", "")
}

/// Mounts the kernel's tracepoints; returns where.
pub(crate) fn mount_tracing() -> Result<&'static str> {
    const TRACING: &str = "/sys/kernel/tracing";
    mount("tracefs", TRACING, "tracefs", "").map_err(|e| format!("{TRACING}: {e}"))?;
    Ok(TRACING)
}

/// Mounts the disk, if there is one with ext4 on it.
///
/// Returns whether [`DISK`] is backed by it.
pub(crate) fn mount_disk() -> bool {
    mount_disk_as("ext4")
}

/// Mounts the disk, if there is one with a file system of this kind on it.
pub(crate) fn mount_disk_as(kind: &str) -> bool {
    if !Path::new(DISK_DEVICE).exists() {
        return false;
    }
    let _ = fs::create_dir_all(DISK);
    match mount(DISK_DEVICE, DISK, kind, "") {
        Ok(()) => true,
        Err(error) => {
            protocol::log(format_args!("{DISK_DEVICE} not used: {error}"));
            false
        }
    }
}

/// The same where there must be one.
pub(crate) fn require_disk(kind: &str) -> Result<()> {
    match mount_disk_as(kind) {
        true => Ok(()),
        false => Err(format!("no disk with {kind}: give the guest one made by mkfs.{kind}").into()),
    }
}

/// Takes the disk's file system away again, and with it what is cached of it.
pub(crate) fn unmount_disk() -> io::Result<()> {
    let target = CString::new(DISK).map_err(io::Error::other)?;
    // SAFETY: the string is NUL-terminated and lives until the call returns.
    match unsafe { libc::umount2(target.as_ptr(), 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn mount(source: &str, target: &str, kind: &str, options: &str) -> io::Result<()> {
    let text = |s: &str| CString::new(s).map_err(io::Error::other);
    let (source, target, kind, options) =
        (text(source)?, text(target)?, text(kind)?, text(options)?);
    // SAFETY: all four are NUL-terminated strings that live until the call returns.
    let code = unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            0,
            options.as_ptr().cast(),
        )
    };
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// An initramfs without `/dev/console` starts PID 1 without standard output.
fn use_console() {
    let mut options = OpenOptions::new();
    let Ok(console) = options.read(true).write(true).open("/dev/console") else {
        return;
    };
    for target in 0..3 {
        // SAFETY: dup2 only needs descriptors; both are plain integers and the source is open.
        unsafe { libc::dup2(console.as_raw_fd(), target) };
    }
    if console.as_raw_fd() < 3 {
        std::mem::forget(console);
    }
}
