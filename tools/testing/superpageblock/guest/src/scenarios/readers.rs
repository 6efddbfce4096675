// SPDX-License-Identifier: GPL-2.0-only

//! Do all readers of the free lists agree?

use std::fs::OpenOptions;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::offline;
use crate::drain;
use crate::pagemap::Walker;
use crate::protocol;
use crate::sys::files;
use crate::sys::memory;
use crate::sys::zoneinfo;
use crate::verify;
use crate::Result;

/// Pages by which two readers may differ: each looks at another moment, and CPUs keep small deltas.
const SLACK: u64 = 4096;

/// Runs every reader, then everything that takes memory off the lists.
pub(crate) fn run() -> Result<()> {
    let mut walker = Walker::new()?;
    drain::drain(&mut walker)?;
    protocol::test("buddyinfo_agrees", agrees("buddyinfo", buddyinfo()?));
    match pagetypeinfo()? {
        Some(pages) => protocol::test("pagetypeinfo_agrees", agrees("pagetypeinfo", pages)),
        None => protocol::log("skipped: pagetypeinfo cut off its counts"),
    }
    protocol::test("kpageflags_agrees", walk_agrees(&mut walker));
    verify::report("after_reading");
    protocol::test("sysrq_m_agrees", show_memory());
    verify::report("after_sysrq_m");
    for name in ["extfrag_index", "unusable_index"] {
        read_optional(&format!("/sys/kernel/debug/extfrag/{name}"));
    }
    compact();
    offline::run(&mut walker)?;
    protocol::test("buddyinfo_agrees_at_end", agrees("buddyinfo", buddyinfo()?));
    verify::report("at_end");
    Ok(())
}

/// Compares a sum of free pages with the zones' own counts.
fn agrees(reader: &str, pages: u64) -> Result<()> {
    let free: u64 = zoneinfo::zones()?.iter().map(|z| z.free).sum();
    if pages.abs_diff(free) > SLACK {
        return Err(format!("{reader} sums up to {pages} pages, zones count {free}").into());
    }
    Ok(())
}

/// Pages in `/proc/buddyinfo`.
fn buddyinfo() -> Result<u64> {
    let text = files::read("/proc/buddyinfo")?;
    let counts = text.lines().filter_map(|line| counts_after(line, 4));
    Ok(counts.map(pages_by_order).sum())
}

/// Pages in `/proc/pagetypeinfo`, or `None` if it gave up counting a long list.
fn pagetypeinfo() -> Result<Option<u64>> {
    let text = files::read("/proc/pagetypeinfo")?;
    let free = text
        .lines()
        .take_while(|line| !line.starts_with("Number of blocks"));
    let lines = free.filter(|line| line.contains(", type "));
    Ok(lines
        .map(|line| counts_after(line, 6).map(pages_by_order))
        .sum())
}

/// The numbers of a line after `skip` words; `None` if one is none, as in `>100000`.
fn counts_after(line: &str, skip: usize) -> Option<Vec<u64>> {
    let words = line.split_whitespace().skip(skip);
    words.map(|word| word.parse().ok()).collect()
}

/// Sums up free lists given by length, order 0 first.
fn pages_by_order(counts: Vec<u64>) -> u64 {
    counts.iter().enumerate().map(|(order, n)| n << order).sum()
}

fn walk_agrees(walker: &mut Walker) -> Result<()> {
    let free = walker.walk()?.iter().map(|b| b.free).sum();
    agrees("kpageflags", free)
}

/// Asks for SysRq-m and adds up the `= NkB` of its zone lines.
fn show_memory() -> Result<()> {
    let mut log = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/kmsg")?;
    log.seek(SeekFrom::End(0))?;
    files::write("/proc/sysrq-trigger", "m")?;
    let mut record = [0; 8192];
    let mut kilobytes = 0;
    let mut zones = 0;
    while let Ok(len) = log.read(&mut record) {
        if let Some(found) = zone_total(&String::from_utf8_lossy(&record[..len])) {
            kilobytes += found;
            zones += 1;
        }
    }
    if zones == 0 {
        return Err("no zone line was printed".into());
    }
    agrees("SysRq-m", kilobytes * 1024 / memory::page_bytes() as u64)
}

/// `…;Node 0 DMA: 1*4kB (U) … = 15360kB`
fn zone_total(record: &str) -> Option<u64> {
    let line = record.lines().next()?;
    let (zone, total) = line.rsplit_once(" = ")?;
    let counts = zone.contains("*4kB") || zone.contains("*8kB");
    total.strip_suffix("kB").filter(|_| counts)?.parse().ok()
}

fn read_optional(path: &str) {
    if !Path::new(path).exists() {
        protocol::log(format_args!("skipped: no {path}"));
        return;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    protocol::test(&format!("reads_{name}"), files::read(path).map(|_| ()));
}

fn compact() {
    let path = "/proc/sys/vm/compact_memory";
    if Path::new(path).exists() {
        protocol::test("compact_memory", files::write(path, "1"));
        verify::report("after_compact_memory");
    } else {
        protocol::log("skipped: no compaction");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_lists_add_up_by_order() {
        assert_eq!(pages_by_order(vec![1, 2, 3]), 1 + 4 + 12);
    }

    #[test]
    fn only_zone_lines_of_show_memory_have_totals() {
        let zone = "4,812,99,-;Node 0 DMA: 0*4kB 1*8kB (U) = 8kB\n CONT";
        assert_eq!(zone_total(zone), Some(8));
        assert_eq!(zone_total("6,1,1,-;Node 0 hugepages_total=0 = 4kB"), None);
        assert_eq!(zone_total("6,1,1,-;Mem-Info:"), None);
    }
}
