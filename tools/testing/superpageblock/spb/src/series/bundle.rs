// SPDX-License-Identifier: GPL-2.0-only
//! How does the series get into one file that `git clone` takes, with nothing else at hand?

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use anyhow::bail;
use anyhow::Result;

use crate::cmd;
use crate::fingerprint;
use crate::git::Git;
use crate::series::commits::Series;

/// Branch of the series, in the bundle and in `build/tree`.
pub const BRANCH: &str = "superpageblock-rfc";

/// Writes `superpageblock.bundle` into `dir`: the base without history, and the series.
///
/// `lender` is a bare repository that keeps the base compressed, for that takes a minute.
pub fn write(series: &Series, lender: &Path, dir: &Path) -> Result<PathBuf> {
    pack_base(series, lender)?;
    let git = Git::at(lender);
    let branch = format!("refs/heads/{BRANCH}");
    git.run(&["update-ref", &branch, &series.tip()?.id])?;
    let bundle = dir.join("superpageblock.bundle");
    // HEAD tells a clone what to check out.
    let mut create = git.command(&["-c", "pack.window=0", "-c", "pack.compression=6"]);
    create.args(["bundle", "create", "--quiet"]).arg(&bundle);
    cmd::output(create.args(["HEAD", &branch]))?;
    Ok(bundle)
}

/// Makes `lender` hold the base, and borrow all else from the repository of the series.
fn pack_base(series: &Series, lender: &Path) -> Result<()> {
    let stamp = lender.join("packed");
    if fingerprint::matches(&stamp, &series.root) {
        return Ok(());
    }
    let _ = fs::remove_dir_all(lender);
    fs::create_dir_all(lender.join("objects/info"))?;
    let git = Git::at(lender);
    let init = [
        "init",
        "--quiet",
        "--bare",
        "--template=",
        "--initial-branch",
        BRANCH,
    ];
    git.run(&init)?;
    cmd::step("compressing the base", || {
        let prefix = lender.join("objects/pack/pack");
        fs::create_dir_all(lender.join("objects/pack"))?;
        // Deltas would take minutes to find.
        let pack = [
            "pack-objects",
            "--revs",
            "--no-reuse-object",
            "--window=0",
            "--compression=6",
            "-q",
        ];
        let mut pack = series.git.command(&pack);
        cmd::feed(pack.arg(&prefix), series.root.as_bytes())
    })?;
    let objects = series.git.run(&[
        "rev-parse",
        "--path-format=absolute",
        "--git-path",
        "objects",
    ])?;
    fs::write(
        lender.join("objects/info/alternates"),
        format!("{objects}\n"),
    )?;
    fingerprint::write(&stamp, &series.root)
}

/// Clones `bundle` and compares what is checked out with `tree`.
pub fn verify(bundle: &Path, tree: &str, scratch: &Path) -> Result<()> {
    let clone = scratch.join("clone");
    let _ = fs::remove_dir_all(&clone);
    let mut command = Git::at(scratch).command(&["clone", "--quiet", "--no-checkout"]);
    cmd::output(command.arg(bundle).arg(&clone))?;
    let found = Git::at(&clone).run(&["rev-parse", "HEAD^{tree}"])?;
    fs::remove_dir_all(&clone)?;
    if found != tree {
        bail!(
            "a clone of {} has tree {found}, not {tree}",
            bundle.display()
        );
    }
    Ok(())
}
