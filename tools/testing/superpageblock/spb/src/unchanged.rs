// SPDX-License-Identifier: GPL-2.0-only
//! Without CONFIG_SUPERPAGEBLOCK, is the machine code of the page allocator that of the base?

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::cases::Cases;
use crate::cmd;
use crate::hooks::OBJDUMP;
use crate::kernel;
use crate::kernel::Variant;
use crate::session::Session;

/// What is compiled and compared.
const OBJECT: &str = "mm/page_alloc.o";

/// Functions that every allocation, or every free, or every fallback between types goes through, with all that is inlined.
const HOT: [&str; 21] = [
    "__alloc_frozen_pages_noprof",
    "get_page_from_freelist",
    "__rmqueue_pcplist",
    "__zone_watermark_ok",
    "zone_watermark_ok",
    "prep_new_page",
    "check_new_pages",
    "alloc_pages_bulk_noprof",
    "find_suitable_fallback",
    "try_to_claim_block",
    "move_freepages_block",
    "__free_pages",
    "__free_pages_ok",
    "__free_frozen_pages",
    "free_frozen_page_commit",
    "free_pages_prepare",
    "free_pcppages_bulk",
    "free_unref_folios",
    "free_one_page",
    "__free_one_page",
    "split_large_buddy",
];

/// The base's `__free_one_page()` has this name where there may be blocks, and nothing else in it.
const RENAMED: (&str, &str) = ("own_free_one_page", "__free_one_page");

/// A function that must differ once superpageblocks are configured in: the comparison has to see what it is there for.
const DIFFERS: &str = "get_page_from_freelist";

/// Compiles both and compares them, function by function.
pub fn test(session: &Session, cases: &Cases) {
    let Some((base, patched)) =
        cases.attempt("object code without superpageblocks", || compile(session))
    else {
        return;
    };
    for name in HOT {
        let same = compare(&base, &patched, name);
        cases.record(&format!("configured out, {name} is the base's"), same);
    }
    cases.record(
        &format!("configured in, {DIFFERS} is found to differ"),
        control(session, &base),
    );
}

fn compile(session: &Session) -> Result<(Code, Code)> {
    let tree = session.tree()?;
    let code = |name, source: &Path| -> Result<Code> {
        let (project, toolchain) = (&session.project, &session.setup.toolchain);
        let object = kernel::object_without_rust(project, toolchain, source, name, OBJECT)?;
        Code::read(&object)
    };
    Ok((
        code("without-stock", &session.base.source)?,
        code("without-patched", &tree.dir)?,
    ))
}

fn control(session: &Session, base: &Code) -> Result<()> {
    let object = session.project.build(Variant::Patched.name()).join(OBJECT);
    match compare(base, &Code::read(&object)?, DIFFERS) {
        Err(_) => Ok(()),
        Ok(()) => bail!("it does not"),
    }
}

fn compare(base: &Code, patched: &Code, name: &str) -> Result<()> {
    let (base, patched) = (base.function(name)?, patched.function(name)?);
    if base == patched {
        return Ok(());
    }
    let first = base.iter().zip(patched).position(|(a, b)| a != b);
    bail!(
        "{} instructions, {} in the base; the first that differs is number {}",
        patched.len(),
        base.len(),
        first.unwrap_or(base.len().min(patched.len()))
    )
}

/// The instructions of each function, without what depends on where it is in the object.
struct Code(BTreeMap<String, Vec<String>>);

impl Code {
    fn read(object: &Path) -> Result<Self> {
        let mut objdump = Command::new(OBJDUMP);
        objdump.args([
            "--disassemble",
            "--reloc",
            "--no-show-raw-insn",
            "--no-leading-addr",
        ]);
        let text = cmd::output(objdump.arg(object))?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut functions = BTreeMap::new();
        let mut current: Option<&mut Vec<String>> = None;
        for line in text.lines() {
            if let Some(name) = line
                .strip_prefix('<')
                .and_then(|rest| rest.strip_suffix(">:"))
            {
                current = Some(functions.entry(named(name)).or_insert_with(Vec::new));
            } else if let Some(function) = current.as_deref_mut() {
                function.extend(instruction(line));
            }
        }
        Self(functions)
    }

    fn function(&self, name: &str) -> Result<&Vec<String>> {
        let found = self.0.get(name);
        found.with_context(|| format!("there is no function {name} in it"))
    }
}

fn named(name: &str) -> String {
    name.replace(RENAMED.0, RENAMED.1)
}

/// An instruction or a relocation; targets keep their function and their place in it, and data its section.
fn instruction(line: &str) -> Option<String> {
    let line = line.split('#').next().unwrap_or_default();
    let words: Vec<String> = line.split_whitespace().map(word).collect();
    (!words.is_empty()).then(|| named(&words.join(" ")))
}

fn word(word: &str) -> String {
    let section = word.starts_with('.');
    match word.split_once("+0x") {
        Some((name, _)) if section => name.to_string(),
        // The address before `<function+0x12>`, as it would be if the object were not relocated.
        _ if word.starts_with("0x") && !word.contains([',', '(']) => String::new(),
        _ => word.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "\
<free_one_page>:
    \tjne\t0x1234 <free_one_page+0x24>
    \tcallq\t0x1239 <free_one_page+0x29>
\t\tR_X86_64_PLT32\t__free_one_page-0x4
    \tmovl\t$0x3, %eax            # imm = 0x3
\t\tR_X86_64_32S\t.rodata+0x70
";

    #[test]
    fn where_a_function_is_makes_no_difference() -> Result<()> {
        let moved = BASE
            .replace("0x1234", "0x5678")
            .replace("0x70", "0x90")
            .replace("\t__free_one", "\town_free_one");
        compare(&Code::parse(BASE), &Code::parse(&moved), "free_one_page")
    }

    #[test]
    fn what_it_does_makes_one() {
        let differs = |other: String| {
            compare(&Code::parse(BASE), &Code::parse(&other), "free_one_page").is_err()
        };
        assert!(differs(BASE.replace("jne", "je")));
        assert!(differs(BASE.replace("$0x3,", "$0x4,")));
        assert!(differs(BASE.replace("+0x24", "+0x28")));
        assert!(differs(
            BASE.replace("PLT32\t__free_one", "PLT32\tfree_one")
        ));
        assert!(differs(
            BASE.replace("    \tmovl\t$0x3, %eax            # imm = 0x3\n", "")
        ));
        assert!(differs(String::new()));
    }
}
