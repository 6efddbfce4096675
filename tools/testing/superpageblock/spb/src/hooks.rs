// SPDX-License-Identifier: GPL-2.0-only
//! Do the hooks reach only what may run under zone->lock?

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::bail;
use anyhow::Result;

use crate::callgraph::Object;
use crate::callgraph::HOOKS;
use crate::cases::Cases;
use crate::cmd;
use crate::kernel::Variant;
use crate::session::Session;

/// Disassembler of the toolchain that builds the kernels.
pub const OBJDUMP: &str = "llvm-objdump-19";

/// A hook that must pass, and two that must not: the check has to see what it is there for.
const CONTROLS: [(&str, bool, &str); 3] = [
    (
        "a masked index",
        true,
        "#[no_mangle] pub extern \"C\" fn plan(a: &[u64; 16], i: usize) -> u64 { a[i & 15] }",
    ),
    (
        "an unmasked index",
        false,
        "#[no_mangle] pub extern \"C\" fn plan(a: &[u64; 16], i: usize) -> u64 { a[i] }",
    ),
    (
        "sum() of a slice",
        false,
        "#[no_mangle] pub fn plan(a: &[u64]) -> u64 { a.iter().sum() }",
    ),
];

/// Checks each hook of the built policy, and the check itself.
pub fn test(session: &Session, cases: &Cases) {
    let path = session
        .project
        .build(Variant::Patched.name())
        .join("mm/superpageblock/policy_main.o");
    if let Some(object) = cases.attempt("policy object", || Object::read(OBJDUMP, &path)) {
        for hook in HOOKS {
            cases.record(&format!("call graph of {hook}"), check(&object, hook));
        }
    }
    let dir = session.project.build("hooks");
    for (name, clean, source) in CONTROLS {
        let verdict = if clean { "allowed" } else { "found" };
        let result = control(&dir, source, clean);
        cases.record(&format!("{name} in a hook is {verdict}"), result);
    }
}

fn check(object: &Object, hook: &str) -> Result<()> {
    let reach = object.reach(hook)?;
    if let Some(first) = reach.forbidden.first() {
        bail!(
            "{} forbidden calls, the first: {first}",
            reach.forbidden.len()
        );
    }
    println!(
        "{hook}: {} functions, {} instructions, {} bytes of stack at most",
        reach.functions, reach.instructions, reach.stack
    );
    Ok(())
}

/// Compiles `source` as the kernel compiles Rust and sees whether the check says `clean`.
fn control(dir: &Path, source: &str, clean: bool) -> Result<()> {
    fs::create_dir_all(dir)?;
    let (text, object) = (dir.join("control.rs"), dir.join("control.o"));
    fs::write(&text, source)?;
    let mut rustc = Command::new("rustc");
    rustc.args([
        "--crate-type=lib",
        "--emit=obj",
        "-Copt-level=2",
        "-Coverflow-checks=on",
    ]);
    rustc.args([
        "-Cpanic=abort",
        "-Crelocation-model=static",
        "-Ccode-model=kernel",
    ]);
    cmd::output(rustc.arg(&text).arg("-o").arg(&object))?;
    let reach = Object::read(OBJDUMP, &object)?.reach("plan")?;
    match (clean, reach.forbidden.first()) {
        (true, Some(call)) => bail!("{call}"),
        (false, None) => bail!("nothing forbidden was found"),
        _ => Ok(()),
    }
}
