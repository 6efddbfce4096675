// SPDX-License-Identifier: GPL-2.0-only
//! Does a command line compile one file of the kernel, with nothing that changes what headers say?

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

/// Headers that kbuild includes first everywhere, and the precompiled ones too.
const FIRST: [&str; 3] = ["compiler-version.h", "kconfig.h", "compiler_types.h"];

/// Macros that headers use only in macros of their own, or not at all: names of the file, and what ACPICA checks.
const HARMLESS: [&str; 7] = [
    "__KERNEL__",
    "KBUILD_MODFILE",
    "KBUILD_BASENAME",
    "KBUILD_MODNAME",
    "__KBUILD_MODNAME",
    "BUILDING_ACPICA",
    "_LINUX",
];

/// One file on its way from C to an object.
#[derive(Debug)]
pub struct Compilation<'a> {
    /// The file.
    pub source: &'a Path,
    /// Where make reads what the object depends on.
    pub dependencies: &'a Path,
    arguments: Vec<&'a str>,
}

impl<'a> Compilation<'a> {
    /// Reads clang's command line; `None` if precompiled headers, for which there were options `defined`, would not
    /// be the same.
    pub fn of(arguments: &'a [OsString], defined: &str) -> Option<Self> {
        let all: Option<Vec<&str>> = arguments.iter().map(|a| a.to_str()).collect();
        let mut words = all?.into_iter();
        let (mut source, mut dependencies, mut compiles) = (None, None, false);
        let (mut kept, mut own) = (Vec::new(), BTreeSet::new());
        while let Some(word) = words.next() {
            if word == "-include" {
                let header = words.next()?;
                FIRST.iter().find(|first| header.ends_with(*first))?;
                continue;
            }
            if let Some(path) = word.strip_prefix("-Wp,-MMD,") {
                dependencies = Some(Path::new(path));
            } else if word.starts_with("-U") {
                return None;
            } else if word.starts_with("-D") && !is_harmless(word) {
                own.insert(word);
            } else if is_source(word) {
                source = Some(Path::new(word));
            }
            compiles |= word == "-c";
            kept.push(word);
        }
        let theirs = defined
            .split(' ')
            .filter(|word| !is_harmless(word) && !word.is_empty());
        if own != theirs.collect() {
            return None;
        }
        Some(Self {
            source: source.filter(|_| compiles)?,
            dependencies: dependencies?,
            arguments: kept,
        })
    }

    /// The command line that uses `headers`. A file may define their macros once more.
    pub fn arguments_with(&self, headers: &Path) -> Vec<OsString> {
        let mut arguments = vec![OsString::from("-include-pch"), headers.into()];
        arguments.extend(self.arguments.iter().map(OsString::from));
        arguments.push("-Wno-macro-redefined".into());
        arguments
    }
}

/// Whether an option defines a macro that changes no header.
fn is_harmless(word: &str) -> bool {
    let name = word
        .strip_prefix("-D")
        .and_then(|rest| rest.split('=').next());
    name.is_some_and(|name| HARMLESS.contains(&name))
}

fn is_source(word: &str) -> bool {
    !word.starts_with('-') && word.ends_with(".c")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn is_taken(line: &str) -> bool {
        Compilation::of(&words(line), "").is_some()
    }

    #[test]
    fn a_file_of_the_kernel_is_taken() {
        let line = words("-Wp,-MMD,k/.a.o.d -include /s/kconfig.h -D__KERNEL__ -DKBUILD_MODNAME=\"a\" -O2 -c -o k/a.o /s/k/a.c");
        let found = Compilation::of(&line, "").expect("it compiles one file");
        assert_eq!(found.source, Path::new("/s/k/a.c"));
        assert_eq!(found.dependencies, Path::new("k/.a.o.d"));
        let expected = "-include-pch h.pch -Wp,-MMD,k/.a.o.d -D__KERNEL__ -DKBUILD_MODNAME=\"a\" -O2 -c -o k/a.o /s/k/a.c -Wno-macro-redefined";
        assert_eq!(found.arguments_with(Path::new("h.pch")), words(expected));
    }

    #[test]
    fn what_headers_could_see_is_left_alone() {
        assert!(is_taken("-Wp,-MMD,a.d -c a.c"));
        assert!(!is_taken("-Wp,-MMD,a.d -DMODULE -c a.c"));
        assert!(!is_taken("-Wp,-MMD,a.d -UX -c a.c"));
        let defined =
            |line: &str| Compilation::of(&words(line), "-DA=1 -DB -D__KERNEL__").is_some();
        assert!(defined("-Wp,-MMD,a.d -DB -DA=1 -c a.c"));
        assert!(!defined("-Wp,-MMD,a.d -DA=2 -DB -c a.c"));
        assert!(!defined("-Wp,-MMD,a.d -DA=1 -c a.c"));
        assert!(!is_taken("-Wp,-MMD,a.d -include other.h -c a.c"));
        assert!(!is_taken("-Wp,-MMD,a.d -include"));
    }

    #[test]
    fn what_is_no_compilation_of_c_is_left_alone() {
        assert!(!is_taken("--version"));
        assert!(!is_taken("-Wp,-MMD,a.d -S a.c"));
        assert!(!is_taken("-Wp,-MMD,a.d -c a.S"));
        assert!(!is_taken("-c a.c"));
    }
}
