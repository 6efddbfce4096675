// SPDX-License-Identifier: GPL-2.0-only
//! Which Debian packages are missing?

use std::path::Path;
use std::process::Command;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::cmd;

/// Packages and a program of each, or a file, that shows it is there.
const NEEDED: [(&str, &str); 29] = [
    ("clang-19", "clang-19"),
    ("lld-19", "ld.lld-19"),
    ("llvm-19", "llvm-ar-19"),
    ("libclang-19-dev", "/usr/lib/llvm-19/lib/libclang.so"),
    ("flex", "flex"),
    ("bison", "bison"),
    ("bc", "bc"),
    ("libelf-dev", "/usr/include/libelf.h"),
    ("libssl-dev", "/usr/include/openssl/ssl.h"),
    ("cpio", "cpio"),
    ("kmod", "kmod"),
    ("rsync", "rsync"),
    ("xz-utils", "xz"),
    ("qemu-system-x86", "qemu-system-x86_64"),
    ("busybox-static", "busybox"),
    ("ccache", "ccache"),
    ("git", "git"),
    ("make", "make"),
    ("gcc", "gcc"),
    ("libc6-dev", "/usr/include/stdio.h"),
    ("libnuma-dev", "/usr/include/numa.h"),
    ("libcap-dev", "/usr/include/sys/capability.h"),
    ("bash-static", "bash-static"),
    ("e2fsprogs", "mke2fs"),
    ("btrfs-progs", "mkfs.btrfs"),
    ("xfsprogs", "mkfs.xfs"),
    ("python3", "python3"),
    ("valgrind", "valgrind"),
    ("ca-certificates", "/etc/ssl/certs/ca-certificates.crt"),
];

/// What shows that each of them is there: a program's name or a file's path.
pub fn proofs() -> impl Iterator<Item = &'static str> {
    NEEDED.iter().map(|(_, proof)| *proof)
}

/// Installs what is missing with apt-get.
///
/// # Errors
///
/// One line naming the missing packages where they cannot be installed.
pub fn ensure() -> Result<()> {
    let missing = NEEDED.iter().filter(|(_, proof)| !present(proof));
    let missing: Vec<&str> = missing.map(|(package, _)| *package).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => install(&missing),
    }
}

/// Installs what only some command needs: a package that is called like its program.
pub fn need(program: &str) -> Result<()> {
    match present(program) {
        true => Ok(()),
        false => install(&[program]),
    }
}

fn install(missing: &[&str]) -> Result<()> {
    let list = missing.join(" ");
    if !cmd::on_path("apt-get") {
        bail!("please install what Debian calls: {list}");
    }
    let root = cmd::output(Command::new("id").arg("-u"))? == "0";
    if !root && !cmd::succeeds(Command::new("sudo").args(["-n", "true"])) {
        bail!("please install, as root: apt-get install {list}");
    }
    let log = std::env::temp_dir().join(format!("superpageblock-apt-{}.log", std::process::id()));
    println!("installing {list}");
    cmd::logged(
        apt_get(root).arg("update"),
        &log,
        "apt-get update",
        "lines",
        |_| true,
    )?;
    let mut install = apt_get(root);
    install
        .args(["install", "-y", "--no-install-recommends"])
        .args(missing);
    cmd::logged(&mut install, &log, "apt-get install", "lines", |_| true)
        .with_context(|| format!("please install: {list}"))
}

fn present(proof: &str) -> bool {
    if proof.starts_with('/') {
        Path::new(proof).exists()
    } else {
        cmd::on_path(proof)
            || ["/usr/sbin", "/sbin"]
                .iter()
                .any(|dir| Path::new(dir).join(proof).exists())
    }
}

fn apt_get(root: bool) -> Command {
    let mut command = Command::new(if root { "env" } else { "sudo" });
    if !root {
        command.args(["-n", "env"]);
    }
    command.args([
        "DEBIAN_FRONTEND=noninteractive",
        "LC_ALL=C",
        "apt-get",
        "-q",
    ]);
    command
}
