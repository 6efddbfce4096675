// SPDX-License-Identifier: GPL-2.0-only
//! How much larger is the code of the allocator's hot functions?

use std::process::Command;

use anyhow::ensure;
use anyhow::Result;

use crate::callgraph::HOOKS;
use crate::cmd;
use crate::kernel::Variant;
use crate::project::Project;

/// Functions on the way of an allocation or a free, where the compiler leaves them; it puts
/// some into their only caller.
const HOT: [&str; 11] = [
    "__alloc_frozen_pages_noprof",
    "get_page_from_freelist",
    "__rmqueue_pcplist",
    "rmqueue_bulk",
    "__rmqueue_smallest",
    "free_frozen_page_commit",
    "free_pcppages_bulk",
    "free_one_page",
    "__free_one_page",
    "own_free_one_page",
    "own_rmqueue",
];

/// C functions that call the policy.
const GLUE: [&str; 5] = [
    "__spb_advertise",
    "__spb_classify",
    "__spb_mark_dirty",
    "__spb_clear_dirty",
    "spb_correct",
];

/// Code symbols with their sizes in bytes.
struct Symbols(Vec<(String, u64)>);

impl Symbols {
    fn read(project: &Project, variant: Variant) -> Result<Self> {
        let text = cmd::output(
            Command::new("llvm-nm-19")
                .args(["--print-size", "--radix=d"])
                .arg(project.build(variant.name()).join("vmlinux")),
        )?;
        let symbols = Symbols(text.lines().filter_map(symbol).collect());
        ensure!(!symbols.0.is_empty(), "no code in {}", variant.name());
        Ok(symbols)
    }

    /// Bytes of all functions with a name that fits.
    fn sum(&self, fits: impl Fn(&str) -> bool) -> u64 {
        let fitting = self.0.iter().filter(|(name, _)| fits(name));
        fitting.map(|(_, size)| size).sum()
    }

    /// Bytes of a function with all parts that the compiler has split from it.
    fn function(&self, wanted: &str) -> u64 {
        self.sum(|name| name.split('.').next() == Some(wanted))
    }

    /// Bytes of a hook of the policy.
    fn hook(&self, hook: &str) -> u64 {
        let mangled = format!("3ffi{}{hook}", hook.len());
        self.sum(|name| name.contains(&mangled))
    }
}

/// `0000 0008 t name`
fn symbol(line: &str) -> Option<(String, u64)> {
    let mut words = line.split_whitespace().skip(1);
    let size = words.next()?.parse().ok()?;
    let code = matches!(words.next()?, "t" | "T" | "w" | "W");
    let name = words.next()?;
    code.then(|| (name.to_string(), size))
}

/// Prints bytes of code, stock beside patched.
pub fn run(project: &Project) -> Result<()> {
    let stock = Symbols::read(project, Variant::Stock)?;
    let patched = Symbols::read(project, Variant::Patched)?;
    println!("{:<40}{:>11}{:>11}", "bytes of code", "stock", "patched");
    for name in HOT {
        line(name, stock.function(name), patched.function(name));
    }
    for name in GLUE {
        line(name, 0, patched.function(name));
    }
    for hook in HOOKS {
        line(&format!("policy: {hook}"), 0, patched.hook(hook));
    }
    let policy = |name: &str| name.contains("policy_main") && !name.contains("5tests");
    line("policy: all", 0, patched.sum(policy));
    let spb = |name: &str| name.starts_with("spb_") || name.starts_with("__spb_");
    line("all spb_* in C", 0, patched.sum(spb));
    line("all functions", stock.sum(|_| true), patched.sum(|_| true));
    Ok(())
}

fn line(name: &str, stock: u64, patched: u64) {
    let show = |bytes: u64| match bytes {
        0 => "-".to_string(),
        bytes => bytes.to_string(),
    };
    println!("  {name:<38}{:>11}{:>11}", show(stock), show(patched));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_counts_and_parts_belong_to_their_function() {
        let text = "0 100 t plan\n1 20 T plan.cold\n2 7 t planner\n3 8 d plan.data\n4 t nosize\n\
                    5 30 t _RNvNtCs1_13policy_main3ffi4plan";
        let symbols = Symbols(text.lines().filter_map(symbol).collect());
        assert_eq!(symbols.function("plan"), 120);
        assert_eq!(symbols.hook("plan"), 30);
        assert_eq!(symbols.sum(|_| true), 157);
    }
}
