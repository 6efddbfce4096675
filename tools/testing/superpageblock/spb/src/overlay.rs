// SPDX-License-Identifier: GPL-2.0-only
//! Which files of this repository are new files of the kernel?

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;

use crate::project::Project;
use crate::project::TOOLS;

/// Places whose files are laid over the patched kernel at the same path.
pub const ROOTS: [&str; 5] = ["mm", "include", "rust", "Documentation", TOOLS];

/// One file of the overlay.
pub struct File {
    /// Path inside the kernel tree.
    pub path: String,
    /// The file to take it from.
    pub from: PathBuf,
    /// Whether it is a program.
    pub executable: bool,
}

/// All files of the overlay, in order of their paths.
pub fn files(project: &Project) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for place in ROOTS {
        if project.root.join(place).is_dir() {
            files.extend(below(&project.root, place)?);
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// The files in `place` of the tree at `root`, with their paths in that tree.
pub fn below(root: &Path, place: &str) -> Result<Vec<File>> {
    let mut files = Vec::new();
    walk(root, &root.join(place), &mut files)?;
    Ok(files)
}

/// Whether a path of the kernel tree lies where overlay files may lie.
pub fn covers(path: &str) -> bool {
    ROOTS.iter().any(|root| {
        path.strip_prefix(root)
            .is_some_and(|rest| rest.starts_with('/'))
    })
}

fn walk(root: &Path, dir: &Path, files: &mut Vec<File>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let entry = entry?;
        let path = entry.path();
        if is_leftover(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(root, &path, files)?;
        } else if kind.is_file() {
            let executable = entry.metadata()?.permissions().mode() & 0o100 != 0;
            let inside = path.strip_prefix(root)?.to_string_lossy().into_owned();
            files.push(File {
                path: inside,
                from: path,
                executable,
            });
        }
    }
    Ok(())
}

/// Build output and what editors and `patch` leave behind.
fn is_leftover(name: &str) -> bool {
    name == "target"
        || name == "__pycache__"
        || [".orig", ".rej", ".swp", "~", ".o", ".cmd", ".ko", ".mod"]
            .iter()
            .any(|end| name.ends_with(end))
}
