// SPDX-License-Identifier: GPL-2.0-only
//! Which files does an object contain that no compiler lists?
//!
//! `.incbin` puts a file into an object as it is: a compressed kernel, a configuration. Clang does not count it among the
//! dependencies, so a compiler cache that goes by these would hand out the object with another file in it.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

/// Where make reads what the object depends on, and what is missing there.
#[derive(Debug)]
pub struct Embedding {
    dependencies: PathBuf,
    files: Vec<String>,
}

impl Embedding {
    /// What the file embeds that this command line compiles; `None` if nothing.
    pub fn of(arguments: &[OsString]) -> Option<Self> {
        let words = || arguments.iter().filter_map(|word| word.to_str());
        let source = words().find(|word| is_source(word))?;
        let dependencies = words().find_map(|word| word.strip_prefix("-Wp,-MMD,"))?;
        let text = fs::read(source).ok()?;
        let files = files(&String::from_utf8_lossy(&text));
        (!files.is_empty()).then(|| Self {
            dependencies: dependencies.into(),
            files,
        })
    }

    /// Adds what is missing to the list of dependencies.
    pub fn note(&self) -> io::Result<()> {
        let list = fs::read_to_string(&self.dependencies)?;
        fs::write(&self.dependencies, with(&list, &self.files))
    }
}

fn is_source(word: &str) -> bool {
    let extension = Path::new(word).extension().and_then(OsStr::to_str);
    !word.starts_with('-') && matches!(extension, Some("c" | "S"))
}

/// The names after `.incbin`, in assembly or in a string of C. One that is a macro's is not known.
fn files(text: &str) -> Vec<String> {
    let uses = text.split(".incbin").skip(1);
    let names = uses.filter_map(|rest| {
        let rest = rest.trim_start().trim_start_matches('\\');
        let (name, _) = rest.strip_prefix('"')?.split_once(['"', '\\'])?;
        Some(name.to_string())
    });
    names.collect()
}

/// A list in make's syntax with more files.
fn with(list: &str, files: &[String]) -> String {
    let files: String = files.iter().map(|file| format!(" {file}")).collect();
    format!("{}{files}\n", list.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_assembly_and_in_c() {
        assert_eq!(
            files("\t.incbin\t\"a/b.bin\"\n.incbin \"c.gz\"\n"),
            ["a/b.bin", "c.gz"]
        );
        assert_eq!(
            files("asm(\"\t.incbin \\\"k/config.gz\\\"\t\\n\");"),
            ["k/config.gz"]
        );
        assert!(files("as did not support .incbin.\n.incbin FILE\n").is_empty());
    }

    #[test]
    fn a_list_gets_them_as_further_dependencies() {
        let list = with(
            "p.o: p.S \\\n  a.h\n",
            &["v.gz".to_string(), "w".to_string()],
        );
        assert_eq!(list, "p.o: p.S \\\n  a.h v.gz w\n");
    }

    #[test]
    fn only_a_source_and_its_list_are_looked_at() {
        assert!(is_source("/s/a.S") && is_source("a.c"));
        assert!(!is_source("a.o") && !is_source("-DX=a.c"));
    }
}
