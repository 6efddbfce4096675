// SPDX-License-Identifier: GPL-2.0-only
//! Does the compiler cache notice that an embedded file has changed?

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

const SOURCE: &str = ".incbin \"payload\"\n";

/// Assembles `SOURCE` by way of the cache, with its settings as for kernels; returns the object.
fn assemble(dir: &Path) -> Vec<u8> {
    let status = Command::new("ccache")
        .arg(env!("CARGO_BIN_EXE_kcc"))
        .args(["-Wp,-MMD,a.d", "-c", "-o", "a.o", "a.S"])
        .current_dir(dir)
        .env("KCC_COMPILER", "clang-19")
        .env("CCACHE_DIR", dir.join("cache"))
        .env("CCACHE_COMPILERTYPE", "clang")
        .env("CCACHE_DEPEND", "1")
        .env("CCACHE_INODECACHE", "1")
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "ccache or clang-19 does not work"
    );
    fs::read(dir.join("a.o")).expect("an object")
}

fn empty_directory() -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a directory");
    dir
}

#[test]
fn an_object_has_the_file_that_is_there_now() {
    let dir = empty_directory();
    fs::write(dir.join("a.S"), SOURCE).expect("a source");
    // Two kernels that are compressed to the same length.
    for payload in ["first kernel", "other kernel"] {
        fs::write(dir.join("payload"), payload).expect("a file to embed");
        let object = assemble(&dir);
        let has = |text: &str| {
            object
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        assert!(has(payload), "not {payload}");
    }
}
