// SPDX-License-Identifier: GPL-2.0-only
//! How are the headers that most files include read once instead of for each file?
//!
//! Reading headers is nine tenths of what it takes to compile an ordinary file of the kernel. The crate `kcc` decides
//! which files can do without.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;

use crate::cmd;
use crate::project::Project;
use crate::saved;
use crate::setup::Toolchain;
use crate::tree;

/// What is compiled first for the machine, and for user-mode Linux, with the options of most other files.
const FIRST: [(&str, &str); 2] = [
    ("x86", "arch/x86/kernel/.asm-offsets.s.cmd"),
    ("um", "arch/um/kernel/.asm-offsets.s.cmd"),
];

/// Headers of one kernel.
pub struct Headers {
    file: PathBuf,
    /// Macros that were defined for them on the command line.
    defined: String,
    /// Files that are compiled without.
    plain: String,
}

impl Headers {
    /// Precompiles the common headers for the kernel that is configured in `out`; none if the compiler refuses them.
    pub fn of(
        project: &Project,
        toolchain: &Toolchain,
        (source, out): (&Path, &Path),
        arch: &str,
        name: &str,
    ) -> Result<Option<Self>> {
        let mut make = toolchain.make(source);
        make.arg(format!("O={}", out.display()))
            .arg(format!("ARCH={arch}"))
            .arg(format!("-j{}", project.jobs))
            .arg("prepare0");
        let log = project.build(format!("log/{name}-headers.log"));
        let label = format!("{name} kernel, generated headers");
        cmd::logged(&mut make, &log, &label, "lines", |_| true)?;
        let first = FIRST.iter().find(|(known, _)| *known == arch);
        let (_, first) = first.with_context(|| format!("no headers for {arch}"))?;
        let mut compiler = saved::compiler(out, first)?;
        let words = compiler.get_args().filter_map(|word| word.to_str());
        let defined: Vec<&str> = words.filter(|word| word.starts_with("-D")).collect();
        let headers = Self {
            file: out.join("superpageblock.pch"),
            defined: defined.join(" "),
            plain: tree::changed(project)?.join(":"),
        };
        compiler
            .args(["-w", "-x", "c-header", "-o"])
            .args([&headers.file, &project.tools("kcc/kernel.h")]);
        // A cached copy would be older than a header that was generated again, and refused.
        toolchain.cache(&mut compiler).env("CCACHE_DISABLE", "1");
        if let Err(error) = cmd::output(&mut compiler) {
            // What is wrong with a header, make says better.
            println!(
                "{name} kernel: each file reads all headers, they cannot be precompiled: {error}"
            );
            return Ok(None);
        }
        Ok(Some(headers))
    }

    /// Has what `command` compiles use them.
    pub fn tell(&self, command: &mut Command) {
        command
            .env("KCC_HEADERS", &self.file)
            .env("KCC_DEFINED", &self.defined)
            .env("KCC_PLAIN", &self.plain)
            // What is compiled without them is not taken for the same.
            .env("CCACHE_NAMESPACE", "headers");
    }
}
