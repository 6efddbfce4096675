// SPDX-License-Identifier: GPL-2.0-only
//! A compiler that reads the common headers of a kernel once instead of for each file.
//!
//! It takes clang's command line. Where the result is the same, it compiles with the precompiled headers
//! in a third of the time; otherwise, and where that fails, as it was told to.
//!
//! What a file embeds is added to the list of what its object depends on: clang leaves it out.
//!
//! - `KCC_COMPILER`: the compiler;
//! - `KCC_HEADERS`: the precompiled headers, none if not set;
//! - `KCC_DEFINED`: options, separated by blanks, that defined macros for them;
//! - `KCC_PLAIN`: files and directories of the kernel, separated by colons, that are compiled as they were without this.

mod command;
mod embedded;
mod source;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;

use command::Compilation;
use embedded::Embedding;

fn main() -> ExitCode {
    let Some(compiler) = env::var_os("KCC_COMPILER") else {
        eprintln!("kcc: KCC_COMPILER does not name a compiler");
        return ExitCode::FAILURE;
    };
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    if let Some(embedding) = Embedding::of(&arguments) {
        return with_embedded(&compiler, &arguments, &embedding);
    }
    if let Some(headers) = env::var_os("KCC_HEADERS") {
        if with_headers(&compiler, &arguments, Path::new(&headers)) {
            return ExitCode::SUCCESS;
        }
    }
    let error = Command::new(&compiler).args(&arguments).exec();
    eprintln!("kcc: cannot run {}: {error}", compiler.to_string_lossy());
    ExitCode::FAILURE
}

/// Compiles a file that embeds others.
fn with_embedded(compiler: &OsString, arguments: &[OsString], embedding: &Embedding) -> ExitCode {
    let compiled = Command::new(compiler).args(arguments).status();
    if !compiled.is_ok_and(|status| status.success()) {
        return ExitCode::FAILURE;
    }
    match embedding.note() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kcc: what the object depends on cannot be noted: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Compiles with precompiled headers, if the file is one that can be and nothing is to be said about it.
fn with_headers(compiler: &OsString, arguments: &[OsString], headers: &Path) -> bool {
    let defined = env::var("KCC_DEFINED").unwrap_or_default();
    let Some(compilation) = Compilation::of(arguments, &defined) else {
        return false;
    };
    let plain = env::var("KCC_PLAIN").unwrap_or_default();
    if source::is_among(compilation.source, &plain) || !headers.exists() {
        return false;
    }
    if !fs::read(compilation.source).is_ok_and(|text| source::is_suited(&text)) {
        return false;
    }
    let compiled = Command::new(compiler)
        .args(compilation.arguments_with(headers))
        .stdin(Stdio::null())
        .output()
        .is_ok_and(|done| done.status.success() && done.stderr.is_empty());
    compiled && forget(headers, compilation.dependencies).is_ok()
}

/// Takes the precompiled headers from the list of dependencies: each of them is there by its own name.
fn forget(headers: &Path, dependencies: &Path) -> std::io::Result<()> {
    let text = fs::read_to_string(dependencies)?;
    fs::write(dependencies, without(&text, &headers.to_string_lossy()))
}

/// A list in make's syntax without one of its files.
fn without(list: &str, file: &str) -> String {
    list.replace(&format!(" {file}"), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_loses_the_file_wherever_it_stands() {
        assert_eq!(
            without("a.o: a.c /x/k.pch \\\n  b.h\n", "/x/k.pch"),
            "a.o: a.c \\\n  b.h\n"
        );
        assert_eq!(without("a.o: /x/k.pch\n", "/x/k.pch"), "a.o:\n");
        assert_eq!(without("a.o: a.c\n", "/x/k.pch"), "a.o: a.c\n");
    }
}
