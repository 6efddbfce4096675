// SPDX-License-Identifier: GPL-2.0-only
//! Do the hooks reach only what may run under zone->lock?

use anyhow::bail;
use anyhow::Result;

use crate::callgraph::Object;
use crate::callgraph::HOOKS;
use crate::cases::Cases;
use crate::kernel::Variant;
use crate::session::Session;

/// Disassembler of the toolchain that builds the kernels.
const OBJDUMP: &str = "llvm-objdump-19";

/// Checks each hook of the built policy, one case each.
pub fn test(session: &Session, cases: &mut Cases) {
    let path = session
        .project
        .build(Variant::Patched.name())
        .join("mm/superpageblock/policy_main.o");
    let Some(object) = cases.attempt("policy object", || Object::read(OBJDUMP, &path)) else {
        return;
    };
    for hook in HOOKS {
        cases.record(&format!("call graph of {hook}"), check(&object, hook));
    }
}

fn check(object: &Object, hook: &str) -> Result<()> {
    let reach = object.reach(hook)?;
    if let Some(first) = reach.forbidden.first() {
        bail!("{} forbidden calls, the first: {first}", reach.forbidden.len());
    }
    println!(
        "{hook}: {} functions, {} instructions, {} bytes of stack at most",
        reach.functions, reach.instructions, reach.stack
    );
    Ok(())
}
