// SPDX-License-Identifier: GPL-2.0-only
//! What can be reached from the hooks that run under zone->lock?
//!
//! Walks the calls in a disassembled object, relocations included. Anything that is not defined
//! in the object itself is refused unless it is on a short list, and so is each call through a
//! register or memory: a panic path, an allocation or a lock would show up as one of these.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::cmd;

/// Hooks by name, as in `struct spb_policy_ops`.
pub const HOOKS: [&str; 5] = ["set_block", "plan", "advertise", "classify", "withheld"];

/// What hooks may call outside of the object: return and call padding of the compiler.
const ALLOWED: [&str; 2] = ["__x86_return_thunk", "__fentry__"];

/// One function of the object.
#[derive(Default)]
pub struct Function {
    /// Names it calls or jumps to, or whose address it takes to do so.
    calls: BTreeSet<String>,
    /// Calls and jumps whose target is not known.
    indirect: Vec<String>,
    /// Number of instructions.
    instructions: usize,
    /// Bytes that it reserves on the stack, pushes included.
    stack: u64,
}

/// What was found for one hook.
pub struct Reach {
    /// Functions of the object that it can reach, itself included.
    pub functions: usize,
    /// Instructions in them.
    pub instructions: usize,
    /// Deepest stack use along any path, in bytes, return addresses included.
    pub stack: u64,
    /// What it must not reach, and from where.
    pub forbidden: Vec<String>,
}

/// The functions of an object by name.
pub struct Object(BTreeMap<String, Function>);

impl Object {
    /// Disassembles `object` with `objdump`.
    ///
    /// # Errors
    ///
    /// When `objdump` cannot be run or finds no code.
    pub fn read(objdump: &str, object: &Path) -> Result<Self> {
        let text = cmd::output(
            Command::new(objdump)
                .args(["--disassemble", "--reloc", "--no-show-raw-insn"])
                .arg(object),
        )?;
        let parsed = Self::parse(&text);
        if parsed.0.is_empty() {
            bail!("no code in {}", object.display());
        }
        Ok(parsed)
    }

    fn parse(text: &str) -> Self {
        let mut functions: BTreeMap<String, Function> = BTreeMap::new();
        let mut current = String::new();
        for line in text.lines() {
            if let Some(name) = header(line) {
                current = name.to_string();
                functions.entry(current.clone()).or_default();
            } else if let Some(function) = functions.get_mut(&current) {
                function.line(line.trim(), &current);
            }
        }
        Object(functions)
    }

    /// The function of this crate whose path ends in `::ffi::hook`, as Rust mangles it, or `hook`.
    fn symbol(&self, hook: &str) -> Result<&str> {
        let mangled = format!("3ffi{}{hook}", hook.len());
        let mut found = self
            .0
            .keys()
            .filter(|name| name.contains(&mangled) && name.ends_with(hook) || *name == hook);
        let name = found
            .next()
            .with_context(|| format!("hook {hook} is not in the object"))?;
        Ok(name)
    }

    /// Follows every call from `hook`.
    ///
    /// # Errors
    ///
    /// When the object has no such hook.
    pub fn reach(&self, hook: &str) -> Result<Reach> {
        let start = self.symbol(hook)?;
        let mut reach = Reach {
            functions: 0,
            instructions: 0,
            stack: self.deepest(start, &mut Vec::new()),
            forbidden: Vec::new(),
        };
        let mut todo = vec![start.to_string()];
        let mut seen = BTreeSet::new();
        while let Some(name) = todo.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let Some(function) = self.0.get(&name) else {
                continue;
            };
            reach.functions += 1;
            reach.instructions += function.instructions;
            for call in &function.indirect {
                reach.forbidden.push(format!("{name}: {call}"));
            }
            for callee in &function.calls {
                if self.0.contains_key(callee) {
                    todo.push(callee.clone());
                } else if !ALLOWED.contains(&callee.as_str()) {
                    reach.forbidden.push(format!("{name} calls {callee}"));
                }
            }
        }
        Ok(reach)
    }

    fn deepest<'a>(&'a self, name: &'a str, path: &mut Vec<&'a str>) -> u64 {
        let Some(function) = self.0.get(name) else {
            return 0;
        };
        if path.contains(&name) {
            return 0;
        }
        path.push(name);
        let below = function
            .calls
            .iter()
            .map(|callee| self.deepest(callee, path))
            .max()
            .unwrap_or(0);
        path.pop();
        // 8 bytes of return address.
        function.stack + 8 + below
    }
}

/// `0000000000000010 <name>:`
fn header(line: &str) -> Option<&str> {
    let (address, rest) = line.split_once(" <")?;
    let is_address = address.len() == 16 && address.bytes().all(|b| b.is_ascii_hexdigit());
    is_address.then(|| rest.strip_suffix(">:"))?
}

impl Function {
    fn line(&mut self, line: &str, own: &str) {
        if let Some((_, target)) = line.split_once("R_X86_64_") {
            self.relocation(target, own);
            return;
        }
        let Some((address, instruction)) = line.split_once(':') else {
            return;
        };
        if !address.bytes().all(|b| b.is_ascii_hexdigit()) {
            return;
        }
        self.instructions += 1;
        self.instruction(instruction.trim(), own);
    }

    fn instruction(&mut self, text: &str, own: &str) {
        let (mnemonic, operands) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let operands = operands.trim();
        match mnemonic {
            "pushq" => self.stack += 8,
            "subq" if operands.ends_with("%rsp") => self.stack += immediate(operands),
            _ => {}
        }
        if !(mnemonic.starts_with("call") || mnemonic.starts_with('j')) {
            return;
        }
        if operands.starts_with('*') {
            self.indirect.push(format!("{mnemonic} {operands}"));
        } else if let Some(target) = direct_target(operands) {
            if target != own {
                self.calls.insert(target.to_string());
            }
        }
    }

    /// `PLT32\tname-0x4`; relocations of data do not name code.
    fn relocation(&mut self, text: &str, own: &str) {
        let Some((kind, symbol)) = text.split_once(char::is_whitespace) else {
            return;
        };
        let symbol = symbol.trim();
        let name = symbol.rsplit_once(['-', '+']).map_or(symbol, |(n, _)| n);
        if name != own && kind == "PLT32" && !name.starts_with('.') {
            self.calls.insert(name.to_string());
        }
    }
}

/// `0x40 <name+0x12>` → `name`, for calls within the section.
fn direct_target(operands: &str) -> Option<&str> {
    let name = operands.split_once('<')?.1.strip_suffix('>')?;
    Some(name.split_once('+').map_or(name, |(n, _)| n))
}

/// `$0x28, %rsp` → 0x28
fn immediate(operands: &str) -> u64 {
    let text = operands.trim_start_matches('$');
    let text = text.split(',').next().unwrap_or("0");
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).unwrap_or(0),
        None => text.parse().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: &str = "
0000000000000010 <plan>:
      10:      \tpushq\t%rbx
      11:      \tsubq\t$0x20, %rsp
      15:      \tcallq\t0x40 <helper>
      1a:      \tjmp\t0x1f <plan+0xf>
\t\t000000000000001b:  R_X86_64_PLT32\t__x86_return_thunk-0x4
0000000000000040 <helper>:
      40:      \tretq
";

    #[test]
    fn what_stays_inside_the_object_is_allowed() {
        let reach = Object::parse(CLEAN).reach("plan").unwrap();
        assert!(reach.forbidden.is_empty());
        assert_eq!(reach.functions, 2);
        assert_eq!(reach.instructions, 5);
        assert_eq!(reach.stack, 8 + 0x20 + 8 + 8);
    }

    #[test]
    fn a_panic_behind_a_helper_is_found() {
        let text = CLEAN.replace(
            "retq",
            "callq\t0x45\n\t\t0000000000000041:  R_X86_64_PLT32\t_RNvNtCs_4core9panicking5panic-0x4",
        );
        let reach = Object::parse(&text).reach("plan").unwrap();
        assert_eq!(reach.forbidden.len(), 1);
        assert!(reach.forbidden[0].contains("panicking"));
    }

    #[test]
    fn an_indirect_call_is_found() {
        let text = CLEAN.replace("retq", "callq\t*%rax");
        assert_eq!(
            Object::parse(&text).reach("plan").unwrap().forbidden.len(),
            1
        );
    }

    #[test]
    fn a_missing_hook_is_an_error() {
        assert!(Object::parse(CLEAN).reach("classify").is_err());
    }
}
