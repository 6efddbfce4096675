// SPDX-License-Identifier: GPL-2.0-only
//! Would headers say the same to a file if they came before its first line, and may they?
//!
//! Only the file itself is looked at, not what it includes.

use std::path::Path;

/// Macros that change no machine code: prefixes of messages, which those that inline functions of headers print lack
/// then, and one that is for headers the file itself includes.
const HARMLESS: [&str; 3] = ["pr_fmt", "dev_fmt", "CREATE_TRACE_POINTS"];

/// Whether a file defines no macro ahead of an `#include`.
pub fn is_suited(text: &[u8]) -> bool {
    let mut defines = false;
    for line in String::from_utf8_lossy(text).lines() {
        match directive(line) {
            Some(("include", _)) if defines => return false,
            Some(("define" | "undef", name)) => defines |= !HARMLESS.contains(&name),
            _ => {}
        }
    }
    true
}

/// Whether a list of paths, separated by colons, has `source` or a directory that it lies in.
pub fn is_among(source: &Path, list: &str) -> bool {
    let name = format!("{}/", source.display());
    let mut paths = list.split(':').filter(|path| !path.is_empty());
    paths.any(|path| name.contains(&format!("/{path}/")))
}

/// Name of a directive and the macro it is about, if any.
fn directive(line: &str) -> Option<(&str, &str)> {
    let rest = line.trim_start().strip_prefix('#')?.trim_start();
    let (name, rest) = rest.split_at(
        rest.find(|c: char| !c.is_alphabetic())
            .unwrap_or(rest.len()),
    );
    let rest = rest.trim_start();
    let end = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    Some((name, &rest[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_after_the_last_include_are_the_files_own() {
        assert!(is_suited(b"#include <a.h>\n#define X 1\nint x;\n"));
        assert!(is_suited(b""));
    }

    #[test]
    fn macros_ahead_of_an_include_may_change_it() {
        assert!(!is_suited(b"#define USE_EARLY 1\n#include <a.h>\n"));
        assert!(!is_suited(
            b"#include <a.h>\n# define X(a) a\n\t#include \"b.h\"\n"
        ));
        assert!(!is_suited(b"#undef CONFIG_X\n#include <a.h>\n"));
    }

    #[test]
    fn some_macros_change_nothing() {
        assert!(is_suited(
            b"#define pr_fmt(fmt) \"a: \" fmt\n#include <a.h>\n"
        ));
        assert!(!is_suited(b"#define pr_fmt_x 1\n#include <a.h>\n"));
    }
    #[test]
    fn files_are_found_by_whole_names() {
        let is = |path| is_among(Path::new(path), "mm/page_alloc.c:mm/superpageblock");
        assert!(is("/s/mm/page_alloc.c"));
        assert!(is("/s/mm/superpageblock/core.c"));
        assert!(!is("/s/mm/page_alloc_test.c"));
        assert!(!is("/s/hmm/page_alloc.c"));
        assert!(!is_among(Path::new("/s/mm/page_alloc.c"), ""));
    }
}
