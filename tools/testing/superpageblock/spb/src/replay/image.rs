// SPDX-License-Identifier: GPL-2.0-only
//! Where do programs to record come from? A small Debian system on a disk image.

use std::fs;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::ensure;
use anyhow::Context;
use anyhow::Result;

use crate::cmd;
use crate::fingerprint;
use crate::fingerprint::Fingerprint;
use crate::git::Git;
use crate::mkfs;
use crate::session::Session;
use crate::setup;

const SUITE: &str = "trixie";
/// Compilers, databases and a browser, with what they need.
const PROGRAMS: &str = "gcc,libc6-dev,make,flex,bison,bc,libelf-dev,libssl-dev,xz-utils,sqlite3,postgresql,firefox-esr";
/// What the workload `install` installs; its archives are fetched beforehand.
const ARCHIVES: &str = "git emacs-nox python3 texlive-latex-base vim";
const MIB: u64 = 12 << 10;

/// What the image is made of, as one word.
pub fn key(session: &Session) -> Result<String> {
    let workloads = session.project.tools("replay/workloads");
    Ok(Fingerprint::default()
        .add((SUITE, PROGRAMS, ARCHIVES, MIB))
        .add(&session.base.commit)
        .add(scripts(&workloads)?)
        .hex())
}

/// The image; made if it is missing, or what it is made of has changed.
///
/// # Errors
///
/// Unless root asks: files of a system belong to many users.
pub fn ensure(session: &Session) -> Result<PathBuf> {
    let project = &session.project;
    let image = project.build("replay/root.img");
    let stamp = project.build("replay/root.stamp");
    let workloads = project.tools("replay/workloads");
    let key = key(session)?;
    if image.exists() && fingerprint::matches(&stamp, &key) {
        return Ok(image);
    }
    let _ = fs::remove_file(&stamp);
    ensure!(
        cmd::output(Command::new("id").arg("-u"))? == "0",
        "only root can make the system whose programs are recorded"
    );
    setup::need("mmdebstrap")?;
    let root = project.build("replay/root");
    let _ = fs::remove_dir_all(&root);
    fs::create_dir_all(project.build("replay"))?;
    system(session, &root)?;
    cmd::step("kernel source to be compiled in the guest", || {
        source(session, &root)
    })?;
    cmd::step("disk image", || {
        copy(&workloads, &root.join("workloads"))?;
        File::create(&image)?.set_len(MIB << 20)?;
        mkfs::fill_from(&image, &root)
    })?;
    fs::remove_dir_all(&root)?;
    fingerprint::write(&stamp, &key)?;
    Ok(image)
}

/// Installs a Debian system with the programs, and fetches what is to be installed later.
fn system(session: &Session, root: &Path) -> Result<()> {
    let mirror = setup::mirror()?;
    let fetch = format!(
        "chroot \"$1\" apt-get -q -y --download-only --no-install-recommends install {ARCHIVES}"
    );
    let mut debstrap = cmd::nice("mmdebstrap");
    debstrap
        .args(["--variant=apt", "--skip=cleanup/apt", "--format=directory"])
        .args([
            format!("--include={PROGRAMS}"),
            format!("--customize-hook={fetch}"),
        ])
        .arg(SUITE)
        .arg(root)
        .arg(format!("deb {mirror} {SUITE} main"));
    let log = session.project.build("log/mmdebstrap.log");
    cmd::logged(&mut debstrap, &log, "Debian system", "lines", |_| true)
}

/// Puts the source of the base where the workload `build` compiles it, configured: emulated, that alone takes minutes.
fn source(session: &Session, root: &Path) -> Result<()> {
    let tree = root.join("src/linux");
    fs::create_dir_all(&tree)?;
    let archive = root.join("src/linux.tar");
    let base = Git::at(&session.base.git_dir);
    base.run(&[
        "archive",
        "--output",
        &archive.display().to_string(),
        &session.base.commit,
    ])?;
    cmd::output(
        Command::new("tar")
            .arg("-xf")
            .arg(&archive)
            .arg("-C")
            .arg(&tree),
    )?;
    fs::remove_file(&archive)?;
    let configure = "cd /src/linux && make -s tinyconfig && make -s prepare";
    cmd::output(
        Command::new("chroot")
            .arg(root)
            .args(["sh", "-c", configure]),
    )
    .map(drop)
}

/// Contents of the workloads, in order of their names.
fn scripts(dir: &Path) -> Result<Vec<String>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.sort();
    let read =
        |path: &PathBuf| fs::read_to_string(path).with_context(|| path.display().to_string());
    paths.iter().map(read).collect()
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
