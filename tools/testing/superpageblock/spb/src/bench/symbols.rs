// SPDX-License-Identifier: GPL-2.0-only
//! Which function is at an address of a kernel?

use std::fs;
use std::path::Path;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

/// Where the kernel's half of the addresses begins.
const KERNEL: u64 = 1 << 63;
/// What is not the kernel's.
const PROGRAM: &str = "(program)";
/// Where x86-64 maps modules from.
const MODULES: u64 = 0xffff_ffff_c000_0000;
const MODULE: &str = "(module)";

/// Functions by address.
pub struct Symbols(Vec<(u64, String)>);

impl Symbols {
    /// Reads `System.map`.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or has no functions.
    pub fn read(map: &Path) -> Result<Self> {
        let text = fs::read_to_string(map).with_context(|| format!("{}", map.display()))?;
        let symbols = Self::parse(&text);
        match symbols.0.is_empty() {
            true => bail!("{} names no functions", map.display()),
            false => Ok(symbols),
        }
    }

    /// Reads the text of `System.map`.
    pub fn parse(text: &str) -> Self {
        let mut functions: Vec<_> = text.lines().filter_map(function).collect();
        functions.sort();
        Self(functions)
    }

    /// Name of the function that `address` is in, and whether it is its first instruction.
    pub fn find(&self, address: u64) -> (&str, bool) {
        if address < KERNEL {
            return (PROGRAM, false);
        }
        if address >= MODULES {
            return (MODULE, false);
        }
        let after = self.0.partition_point(|(start, _)| *start <= address);
        match after.checked_sub(1).map(|at| &self.0[at]) {
            Some((start, name)) => (name, *start == address),
            None => (PROGRAM, false),
        }
    }
}

/// `ADDRESS TYPE NAME` where the type is that of code.
fn function(line: &str) -> Option<(u64, String)> {
    let mut words = line.split(' ');
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let kind = words.next()?;
    let name = words.next()?;
    matches!(kind, "t" | "T" | "w" | "W").then(|| (address, name.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str =
        "ffffffff81000000 T first\nffffffff81000040 t second\nffffffff81000050 d data\n";

    #[test]
    fn addresses_are_in_the_function_before_them() {
        let symbols = Symbols::parse(MAP);
        assert_eq!(symbols.find(0xffff_ffff_8100_0000), ("first", true));
        assert_eq!(symbols.find(0xffff_ffff_8100_003f), ("first", false));
        assert_eq!(symbols.find(0xffff_ffff_8100_0055), ("second", false));
        assert_eq!(symbols.find(0x40_0000), (PROGRAM, false));
        assert_eq!(symbols.find(0xffff_ffff_c000_1000), (MODULE, false));
    }
}
