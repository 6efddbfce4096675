// SPDX-License-Identifier: GPL-2.0-only
//! Is each kind of unusable build directory refused with the right words?

use super::*;

const RUSTC: &str = "rustc 1.95.0 (0123456789 2026-01-01)";

/// Directories as kernel builds leave them, removed on drop.
struct Fixture(PathBuf);

impl Fixture {
    /// A usable source tree and output directory.
    fn new(name: &str) -> Self {
        let root =
            std::env::temp_dir().join(format!("superpageblock-{name}-{}", std::process::id()));
        let fixture = Self(root);
        fixture.write(
            "source/Makefile",
            "# SPDX\nVERSION = 7\nPATCHLEVEL = 2\nSUBLEVEL = 12\n",
        );
        fixture.write(&format!("source/{HEADER}"), "int plan;\n");
        fixture.write(&format!("ours/{HEADER}"), "int plan;\n");
        let source = fixture.0.join("source");
        fixture.write(
            "out/Makefile",
            &format!("# generated\ninclude {}/Makefile\n", source.display()),
        );
        fixture.configure("");
        for path in PREPARED {
            fixture.write(&format!("out/{path}"), "");
        }
        fixture.write("out/vmlinux.symvers", "");
        fixture
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        let dir = path.parent().map(fs::create_dir_all);
        assert!(dir.is_some_and(|made| made.is_ok()));
        assert!(fs::write(path, text).is_ok());
    }

    fn remove(&self, path: &str) {
        assert!(fs::remove_file(self.0.join(path)).is_ok());
    }

    /// A later line of the configuration overrides an earlier one.
    fn configure(&self, more: &str) {
        let mut text: String = REQUIRED
            .iter()
            .map(|(symbol, _)| format!("CONFIG_{symbol}=y\n"))
            .collect();
        text += &format!("CONFIG_RUSTC_VERSION_TEXT={RUSTC}\n{more}");
        self.write("out/include/config/auto.conf", &text);
    }

    fn inspect(&self, dir: &str) -> Result<KernelDir> {
        inspect(&self.0.join(dir), &self.0.join("ours"), RUSTC)
    }

    /// Whether `dir` is refused with all of `words` in one line.
    fn refused(&self, dir: &str, words: &[&str]) {
        let text = match self.inspect(dir) {
            Ok(_) => "accepted".to_string(),
            Err(error) => format!("{error:#}"),
        };
        let all = words.iter().all(|word| text.contains(word));
        assert!(
            all && text.contains("KDIR=") && !text.contains('\n'),
            "{text}"
        );
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn an_output_directory_of_a_fitting_kernel_will_do() {
    let fixture = Fixture::new("good");
    let found = fixture.inspect("out");
    assert!(found
        .as_ref()
        .is_ok_and(|k| !k.has_policy && k.symvers.ends_with("vmlinux.symvers")));
    fixture.write("out/Module.symvers", "");
    let found = fixture.inspect("out");
    assert!(found.is_ok_and(|k| k.symvers.ends_with("Module.symvers")));
}

#[test]
fn a_source_tree_that_was_built_in_will_do() {
    let fixture = Fixture::new("inside");
    let version = fs::read_to_string(fixture.0.join("source/Makefile"));
    fixture.write("out/Makefile", &version.unwrap_or_default());
    fixture.refused("out", &["superpageblock.h", "apply the patches"]);
    fixture.write(&format!("out/{HEADER}"), "int plan;\n");
    assert!(fixture.inspect("out").is_ok());
}

#[test]
fn a_policy_built_in_is_noticed() {
    let fixture = Fixture::new("policy");
    fixture.configure("CONFIG_SUPERPAGEBLOCK_POLICY=y\n");
    assert!(fixture.inspect("out").is_ok_and(|k| k.has_policy));
}

#[test]
fn what_is_no_build_directory_is_refused() {
    let fixture = Fixture::new("nothing");
    fixture.refused("none", &["does not exist"]);
    fixture.write("empty/file", "");
    fixture.refused("empty", &["no build directory"]);
    fixture.write("other/Makefile", "all:\n\techo\n");
    fixture.refused("other", &["no build directory"]);
}

#[test]
fn an_unconfigured_kernel_is_refused() {
    let fixture = Fixture::new("unconfigured");
    fixture.refused("source", &["not configured", "configure"]);
}

#[test]
fn another_version_is_refused() {
    let fixture = Fixture::new("version");
    fixture.write(
        "source/Makefile",
        "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 3\n",
    );
    fixture.refused("out", &["linux 6.12.3", "needs 7.2"]);
}

#[test]
fn an_unpatched_kernel_and_one_with_other_patches_are_refused() {
    let fixture = Fixture::new("patches");
    fixture.write(&format!("source/{HEADER}"), "int old_plan;\n");
    fixture.refused("out", &["another version", HEADER]);
    fixture.remove(&format!("source/{HEADER}"));
    fixture.refused("out", &["apply the patches"]);
}

#[test]
fn missing_options_are_named() {
    let fixture = Fixture::new("options");
    for (symbol, wrong) in REQUIRED {
        fixture.configure(&format!("# CONFIG_{symbol} is not set\n"));
        fixture.refused("out", &[wrong, &format!("CONFIG_{symbol}=y")]);
    }
}

#[test]
fn a_user_mode_kernel_is_refused() {
    let fixture = Fixture::new("uml");
    fixture.configure("CONFIG_UML=y\n");
    fixture.refused("out", &["user mode", "x86-64"]);
}

#[test]
fn another_rustc_is_refused_and_both_are_named() {
    let fixture = Fixture::new("rustc");
    fixture.configure("CONFIG_RUSTC_VERSION_TEXT=\"rustc 1.85.0\"\n");
    fixture.refused("out", &["rustc 1.85.0", RUSTC, "build the kernel again"]);
}

#[test]
fn an_unprepared_kernel_is_refused() {
    for path in PREPARED {
        let fixture = Fixture::new("unprepared");
        fixture.remove(&format!("out/{path}"));
        fixture.refused("out", &[path, "modules_prepare"]);
    }
}

#[test]
fn a_kernel_without_symbols_is_refused() {
    let fixture = Fixture::new("symbols");
    fixture.remove("out/vmlinux.symvers");
    fixture.refused("out", &["symvers", "build the kernel"]);
}
