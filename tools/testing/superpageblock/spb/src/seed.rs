// SPDX-License-Identifier: GPL-2.0-only
//! How does the output of one kernel become the start of another's?
//!
//! Make builds again what was built by another command, and commands name the output directory: that of
//! objtool, on which every object depends, among them. So the records of commands are changed with the name.

use std::fs;
use std::fs::File;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;

use crate::cmd;

/// Copies the output directory `from` to `to`, which must not exist.
pub fn seed(from: &Path, to: &Path) -> Result<()> {
    // Renamed into place: half a copy is no output directory.
    let scratch = to.with_extension("copy");
    let _ = fs::remove_dir_all(&scratch);
    let mut copy = Command::new("cp");
    cmd::output(copy.args(["-a", "--reflink=auto"]).arg(from).arg(&scratch))?;
    let (old, new) = (from.display().to_string(), to.display().to_string());
    rename_in_records(&scratch, &old, &new)?;
    fs::rename(&scratch, to).with_context(|| format!("cannot write {}", to.display()))
}

fn rename_in_records(dir: &Path, old: &str, new: &str) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            rename_in_records(&path, old, new)?;
        } else if path.extension().is_some_and(|end| end == "cmd") {
            rename_in_record(&path, old, new)?;
        }
    }
    Ok(())
}

/// Replaces the directory's name; the file stays as old as it is.
fn rename_in_record(path: &Path, old: &str, new: &str) -> Result<()> {
    let Ok(text) = fs::read_to_string(path) else {
        return Ok(());
    };
    if !text.contains(old) {
        return Ok(());
    }
    let time = fs::metadata(path)?.modified()?;
    fs::write(path, text.replace(old, new))?;
    Ok(File::options().write(true).open(path)?.set_modified(time)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::SystemTime;

    #[test]
    fn records_get_the_new_name_and_everything_keeps_its_time() -> Result<()> {
        let dir = std::env::temp_dir().join(format!("superpageblock-seed-{}", std::process::id()));
        let (from, to) = (dir.join("one"), dir.join("two"));
        fs::create_dir_all(from.join("tools"))?;
        let record = format!("savedcmd := cc -o {}/tools/a.o\n", from.display());
        for (name, text) in [("tools/.a.o.cmd", record.as_str()), ("tools/a.o", "code")] {
            fs::write(from.join(name), text)?;
            let file = File::options().write(true).open(from.join(name))?;
            file.set_modified(SystemTime::UNIX_EPOCH)?;
        }
        seed(&from, &to)?;
        let text = fs::read_to_string(to.join("tools/.a.o.cmd"))?;
        assert_eq!(
            text,
            format!("savedcmd := cc -o {}/tools/a.o\n", to.display())
        );
        for name in ["tools/.a.o.cmd", "tools/a.o"] {
            let time = fs::metadata(to.join(name))?.modified()?;
            assert_eq!(time, SystemTime::UNIX_EPOCH);
        }
        Ok(fs::remove_dir_all(dir)?)
    }
}
