// SPDX-License-Identifier: GPL-2.0-only
//! With which options did kbuild compile a file?

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;

/// The compiler in the output directory `out`, with the options that the file of which kbuild wrote `saved` was
/// compiled with, without those that name the file.
pub fn compiler(out: &Path, saved: &str) -> Result<Command> {
    let path = out.join(saved);
    let text =
        fs::read_to_string(&path).with_context(|| format!("{} is missing", path.display()))?;
    let words = options(&text).with_context(|| format!("no compiler in {}", path.display()))?;
    let mut command = Command::new("env");
    command.args(words).current_dir(out);
    Ok(command)
}

/// Compiler and options up to the name of the result.
fn options(saved: &str) -> Option<Vec<&str>> {
    let (_, command) = saved.lines().next()?.split_once(":=")?;
    let (command, _) = command.split_once(" -o ")?;
    let names_file = |word: &&str| {
        word.contains("KBUILD") || word.starts_with("-Wp,-M") || ["-c", "-S"].contains(word)
    };
    Some(
        command
            .split_whitespace()
            .filter(|w| !names_file(w))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_those_of_the_kernel_without_the_file() {
        let saved =
            "savedcmd_a.o := ccache kcc -Wp,-MMD,a.d -O2 -DKBUILD_X='\"a\"' -c -o a.o a.c ; b\n";
        assert_eq!(options(saved), Some(vec!["ccache", "kcc", "-O2"]));
        assert_eq!(options(""), None);
    }
}
