// SPDX-License-Identifier: GPL-2.0-only
//! Do files compile to the same machine code without precompiled headers?

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::ensure;
use anyhow::Context;
use anyhow::Result;

use crate::cases::Cases;
use crate::cmd;
use crate::hooks::OBJDUMP;
use crate::kernel::Variant;
use crate::session::Session;

/// Files that are compiled once more, spread over the kernel.
const SAMPLE: usize = 16;

/// Where the kernel's sources of no interest here are built: other options, or for the build itself.
const LEFT_OUT: [&str; 3] = ["arch/x86/boot", "scripts", "tools"];

/// Compiles a sample of the patched kernel's files as kbuild did, but for the headers, and compares.
pub fn test(session: &Session, cases: &Cases) {
    let out = session.project.build(Variant::Patched.name());
    let Some(all) = cases.attempt("saved commands", || saved(&out)) else {
        return;
    };
    let step = (all.len() / SAMPLE).max(1);
    let same =
        |path: &PathBuf| compare(session, &out, path).with_context(|| path.display().to_string());
    let result = all.iter().step_by(step).try_for_each(same);
    cases.record(
        "files have the same code without precompiled headers",
        result,
    );
}

/// What kbuild saved of compiling C, in order.
fn saved(out: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(out, out, &mut found)?;
    found.sort();
    ensure!(
        found.len() >= SAMPLE,
        "only {} in {}",
        found.len(),
        out.display()
    );
    Ok(found)
}

fn collect(out: &Path, dir: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    if LEFT_OUT.iter().any(|place| dir == out.join(place)) {
        return Ok(());
    }
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(out, &path, found)?;
        } else if path.to_string_lossy().ends_with(".o.cmd") && command(&path).is_ok() {
            found.push(path);
        }
    }
    Ok(())
}

/// How a file of C was compiled and looked at by objtool: the object and the command line.
fn command(saved: &Path) -> Result<(String, String)> {
    let text = fs::read_to_string(saved)?;
    let line = text.lines().next().unwrap_or_default();
    let named = line
        .strip_prefix("savedcmd_")
        .and_then(|rest| rest.split_once(" := "));
    let (object, command) = named.context("no command")?;
    ensure!(command.contains("/kcc ") && command.contains(".c "), "no C");
    Ok((object.to_string(), command.replace("$(pound)", "#")))
}

fn compare(session: &Session, out: &Path, saved: &Path) -> Result<()> {
    let (object, command) = command(saved)?;
    let dir = session.project.build("plain");
    fs::create_dir_all(&dir)?;
    let again = dir.join("again.o");
    let list = dir.join("again.d");
    let command = command
        .split_whitespace()
        .map(|word| match word {
            _ if word == object => again.display().to_string(),
            _ if word.starts_with("-Wp,-MMD,") => format!("-Wp,-MMD,{}", list.display()),
            _ => word.to_string(),
        })
        .collect::<Vec<_>>()
        .join(" ");
    let mut shell = Command::new("sh");
    shell.args(["-c", &command]).current_dir(out);
    // Nothing says where precompiled headers are, and the cache has what was compiled with them.
    session
        .setup
        .toolchain
        .cache(&mut shell)
        .env("CCACHE_DISABLE", "1");
    cmd::output(&mut shell)?;
    ensure!(
        code(&out.join(object))? == code(&again)?,
        "another machine code"
    );
    Ok(())
}

/// All machine code of an object, disassembled.
fn code(object: &Path) -> Result<String> {
    let text = cmd::output(Command::new(OBJDUMP).arg("-d").arg(object))?;
    // The first line names the file.
    let (_, code) = text.split_once('\n').unwrap_or_default();
    Ok(code.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_those_that_compile_c() -> Result<()> {
        let path =
            std::env::temp_dir().join(format!("superpageblock-plain-{}", std::process::id()));
        let of = |text: &str| {
            fs::write(&path, text)?;
            command(&path)
        };
        let (object, line) = of("savedcmd_a.o := ccache /x/kcc -c -o a.o a.c   ; objtool a.o\n\n")?;
        assert_eq!(
            (object.as_str(), line.ends_with("; objtool a.o")),
            ("a.o", true)
        );
        assert!(of("savedcmd_a.o := rustc a.rs\n").is_err());
        assert!(of("savedcmd_a.o := /x/kcc -c -o a.o a.S\n").is_err());
        Ok(fs::remove_file(path)?)
    }
}
