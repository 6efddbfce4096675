// SPDX-License-Identifier: GPL-2.0-only
//! What is in a guest's first file system?

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process;
use std::process::Command;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::sync::Mutex;
use std::sync::PoisonError;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::cmd;
use crate::project::Project;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// `/init` of the interactive guest.
const SHELL: &str = "#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /bin /sbin /usr/bin /usr/sbin
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t debugfs debugfs /sys/kernel/debug
/bin/busybox --install -s
echo 'exit, or poweroff -f, ends the guest'
setsid cttyhack sh
poweroff -f
";

/// Held while the guest program is built.
static BUILDING: Mutex<()> = Mutex::new(());

/// Archives that this process has written.
static WRITTEN: AtomicUsize = AtomicUsize::new(0);

/// A cpio archive in the making, in the format the kernel unpacks.
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    inodes: u32,
}

impl Archive {
    fn new() -> Self {
        let mut archive = Self::default();
        for dir in ["dev", "proc", "sys", "tmp", "bin", "mnt", "lib"] {
            archive.entry(dir, 0o040_755, (0, 0), &[]);
        }
        // The kernel opens the console before anything can mount devtmpfs.
        archive.entry("dev/console", 0o020_600, (5, 1), &[]);
        archive
    }

    fn program(&mut self, name: &str, content: &[u8]) {
        self.entry(name, 0o100_755, (0, 0), content);
    }

    /// Header fields: inode, mode, uid, gid, links, time, size, device, special device, name, check.
    fn entry(&mut self, name: &str, mode: u32, device: (u32, u32), content: &[u8]) {
        self.inodes += 1;
        let (size, length) = (content.len() as u32, name.len() as u32 + 1);
        let fields = [
            self.inodes,
            mode,
            0,
            0,
            1,
            0,
            size,
            0,
            0,
            device.0,
            device.1,
            length,
            0,
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn write(mut self, path: &Path) -> Result<()> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        // Renamed into place: a guest that boots right now keeps its whole archive, and two may be about to.
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let scratch = path.with_extension(format!("{}-{number}", process::id()));
        fs::write(&scratch, &self.bytes)?;
        fs::rename(&scratch, path).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A name for an archive with these modules: guests with others may start at the same time.
fn name(modules: &[PathBuf]) -> String {
    let kit = modules
        .first()
        .and_then(|module| module.parent()?.file_name());
    kit.map_or("scenarios".into(), |kit| kit.to_string_lossy().into_owned())
}

/// The archive whose init runs scenarios, with `modules` in /lib.
pub fn scenarios(project: &Project, modules: &[PathBuf]) -> Result<PathBuf> {
    let init = match std::env::var_os("INIT") {
        Some(path) if !path.is_empty() => PathBuf::from(path),
        _ => build_init(project)?,
    };
    let mut archive = Archive::new();
    archive.program(
        "init",
        &fs::read(&init).with_context(|| format!("cannot read {}", init.display()))?,
    );
    for module in modules {
        let content = fs::read(module).with_context(|| format!("no {}", module.display()))?;
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        archive.entry(&format!("lib/{name}"), 0o100_644, (0, 0), &content);
    }
    let path = project.build(format!("initramfs/{}.cpio", name(modules)));
    archive.write(&path)?;
    Ok(path)
}

/// The archive `scenarios` with the image of a kernel and itself in it, for a guest that starts them when it panics.
pub fn with_crash_kernel(
    project: &Project,
    scenarios: &Path,
    kernel: &str,
    image: &Path,
) -> Result<PathBuf> {
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let own = read(scenarios)?;
    // The kernel unpacks one archive after the other.
    let mut archive = Archive {
        bytes: own.clone(),
        inodes: 0,
    };
    archive.entry("boot", 0o040_755, (0, 0), &[]);
    archive.entry("boot/bzImage", 0o100_644, (0, 0), &read(image)?);
    archive.entry("boot/initramfs.cpio", 0o100_644, (0, 0), &own);
    let path = project.build(format!("initramfs/crash-{kernel}.cpio"));
    archive.write(&path)?;
    Ok(path)
}

/// The archive whose init is a shell.
pub fn shell(project: &Project) -> Result<PathBuf> {
    let busybox = ["/bin/busybox", "/usr/bin/busybox"]
        .iter()
        .find_map(|path| fs::read(path).ok());
    let mut archive = Archive::new();
    archive.program(
        "bin/busybox",
        &busybox.context("busybox-static is not installed")?,
    );
    archive.program("init", SHELL.as_bytes());
    let path = project.build("initramfs/shell.cpio");
    archive.write(&path)?;
    Ok(path)
}

/// Builds the `guest` crate as a static program.
fn build_init(project: &Project) -> Result<PathBuf> {
    if !project.tools("guest/Cargo.toml").exists() {
        bail!(
            "tools/testing/superpageblock/guest is missing; INIT=/path names another static init"
        );
    }
    // Guests that start at the same time need the same program, and write the same log.
    let _alone = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let target = project.build("cargo");
    let mut cargo = Command::new("cargo");
    cargo
        .args([
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--target",
            TARGET,
            "--manifest-path",
        ])
        .arg(project.tools("guest/Cargo.toml"))
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    let log = project.build("log/guest.log");
    cmd::logged(&mut cargo, &log, "guest program", "lines", |_| true)?;
    Ok(target.join(TARGET).join("release/init"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_aligned_and_carry_their_length() {
        let mut archive = Archive::default();
        archive.program("init", b"12345");
        assert_eq!(archive.bytes.len() % 4, 0);
        let header = String::from_utf8_lossy(&archive.bytes[..110]).into_owned();
        assert_eq!(&header[6 + 6 * 8..6 + 7 * 8], "00000005");
        assert_eq!(&archive.bytes[110..115], b"init\0");
    }

    #[test]
    fn archives_with_different_modules_have_different_names() {
        assert_eq!(name(&[]), "scenarios");
        assert_eq!(name(&["build/stock-bench/x.ko".into()]), "stock-bench");
    }
}
