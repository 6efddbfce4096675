// SPDX-License-Identifier: GPL-2.0-only
//! How many bytes does each gigabyte of memory cost?
//!
//! The compiler says how large `struct spb_block` is, with the options of the patched kernel.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

use crate::cmd;
use crate::kernel::Variant;
use crate::project::Project;
use crate::saved;
use crate::scale;
use crate::setup::LLVM;

/// Most bytes that a gigabyte may cost.
const MOST: u64 = 4096;

/// In zones of this many gigabytes and more: what there is once for each zone does not grow with memory.
const JUDGED: u64 = 8;

/// Gigabytes in the zones that are looked at.
const SIZES: [u64; 4] = [8, 64, 1024, 16384];

/// Objects whose sizes are the sizes in question.
const PROBE: &str = "\
#include <linux/mm.h>
#include \"internal.h\"
char probe_block[sizeof(struct spb_block)];
char probe_dirty[BITS_TO_LONGS(SPB_NR_PAGES / pageblock_nr_pages) * sizeof(long)];
char probe_pointer[sizeof(struct spb_block *)];
char probe_zone[sizeof_field(struct zone, spb_nr_free)];
";

/// What is kept, in bytes.
struct Sizes {
    /// `struct spb_block` with its bitmap of dirty pageblocks.
    block: u64,
    /// The pointer to it.
    pointer: u64,
    /// The policy's part of a block.
    policy: u64,
    /// What there is once for each zone, in C and in the policy.
    zone: u64,
}

impl Sizes {
    /// Bytes for each of `blocks` gigabytes, as boot allocates them.
    fn at_boot(&self, blocks: u64) -> u64 {
        let block = self.block.next_multiple_of(64);
        (self.zone + blocks * (block + self.pointer + self.policy)).div_ceil(blocks)
    }

    /// Bytes for each of `blocks` gigabytes when a module is inserted, as slab rounds them.
    fn by_slab(&self, blocks: u64) -> u64 {
        let all = rounded(self.zone + blocks * self.policy)
            + rounded(blocks * self.pointer)
            + blocks * rounded(self.block);
        all.div_ceil(blocks)
    }
}

/// What `spb_alloc()` takes for a size: a power of two up to the largest slab cache, then pages.
fn rounded(bytes: u64) -> u64 {
    const LARGEST: u64 = 4096 << 1;
    if bytes <= LARGEST {
        bytes.next_power_of_two()
    } else {
        bytes.next_multiple_of(4096)
    }
}

/// Prints bytes per gigabyte by size of the zone.
///
/// # Errors
///
/// When it is too much in a zone of [`JUDGED`] GB or more.
pub fn run(project: &Project) -> Result<()> {
    let sizes = measure(project)?;
    println!(
        "bytes: struct spb_block with bitmap {}, pointer {}, policy {} per GB; {} per zone",
        sizes.block, sizes.pointer, sizes.policy, sizes.zone
    );
    println!(
        "{:<40}{:>11}{:>11}",
        "bytes per GB in a zone of", "built in", "module"
    );
    let mut worst = 0;
    for blocks in SIZES {
        let (boot, slab) = (sizes.at_boot(blocks), sizes.by_slab(blocks));
        println!("  {:<38}{boot:>11}{slab:>11}", format!("{blocks} GB"));
        if blocks >= JUDGED {
            worst = worst.max(boot).max(slab);
        }
    }
    if worst > MOST {
        bail!("superpageblocks take {worst} bytes per GB in a zone of {JUDGED} GB or more, at most {MOST} is allowed");
    }
    Ok(())
}

fn measure(project: &Project) -> Result<Sizes> {
    let object = compile(project)?;
    let symbols = cmd::output(
        Command::new("llvm-nm-19")
            .args(["--print-size", "--radix=d"])
            .arg(object),
    )?;
    let size = |name: &str| size(&symbols, name);
    let (policy, state) = scale::policy_bytes(project)?;
    Ok(Sizes {
        block: size("probe_block")? + size("probe_dirty")?,
        pointer: size("probe_pointer")?,
        policy,
        zone: size("probe_zone")? + state,
    })
}

/// `0000 0008 B name`
fn size(symbols: &str, name: &str) -> Result<u64> {
    let line = symbols
        .lines()
        .find(|line| line.split_whitespace().nth(3) == Some(name));
    let size = line.and_then(|line| line.split_whitespace().nth(1));
    scale::number(size.with_context(|| format!("the compiler does not tell {name}"))?)
}

/// Compiles the probe as the patched kernel compiles core.c.
fn compile(project: &Project) -> Result<PathBuf> {
    let kernel = project.build(Variant::Patched.name());
    let dir = project.build("scale");
    fs::create_dir_all(&dir)?;
    let (source, object) = (dir.join("probe.c"), dir.join("probe.o"));
    fs::write(&source, PROBE)?;
    let mut compiler = saved::compiler(&kernel, "mm/superpageblock/.core.o.cmd")
        .context("make bench builds the patched kernel")?;
    compiler
        .args([
            "-DKBUILD_MODNAME=\"probe\"",
            "-DKBUILD_BASENAME=\"probe\"",
            "-c",
            "-o",
        ])
        .args([&object as &Path, &source])
        .env("KCC_COMPILER", format!("clang{LLVM}"));
    cmd::output(&mut compiler).context("cannot compile a probe for struct spb_block")?;
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_found_by_name() {
        let symbols = "0000 1416 B probe_block\n0016 8 B probe_pointer";
        assert_eq!(size(symbols, "probe_pointer").ok(), Some(8));
        assert!(size(symbols, "probe").is_err());
    }

    #[test]
    fn slab_rounds_up_to_a_power_of_two_and_large_sizes_are_pages() {
        let sizes = Sizes {
            block: 1480,
            pointer: 8,
            policy: 72,
            zone: 1000,
        };
        assert_eq!(sizes.at_boot(10), 100 + 1536 + 8 + 72);
        assert_eq!(sizes.by_slab(8), 2048 / 8 + 64 / 8 + 2048);
        assert_eq!((rounded(8192), rounded(8193)), (8192, 12288));
    }
}
