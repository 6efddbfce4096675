// SPDX-License-Identifier: GPL-2.0-only

//! Which page frames are memory?

use super::files;
use crate::Result;

/// Page frames `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// First page frame.
    pub(crate) start: u64,
    /// One past the last page frame.
    pub(crate) end: u64,
}

impl Range {
    /// The frames in both ranges; empty ranges have `start >= end`.
    pub(crate) fn intersect(self, other: Self) -> Self {
        Self {
            start: self.start.max(other.start),
            end: self.end.min(other.end),
        }
    }

    /// Number of page frames.
    pub(crate) fn pages(self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// The whole page frames of System RAM from `/proc/iomem`, neighbours merged, in address order.
pub(crate) fn ranges(page_bytes: u64) -> Result<Vec<Range>> {
    Ok(parse(&files::read("/proc/iomem")?, page_bytes))
}

fn parse(text: &str, page_bytes: u64) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for found in text.lines().filter_map(|line| system_ram(line, page_bytes)) {
        match ranges.last_mut() {
            Some(last) if last.end == found.start => last.end = found.end,
            _ => ranges.push(found),
        }
    }
    ranges
}

/// A line `start-last : System RAM…` at the outermost level.
fn system_ram(line: &str, page_bytes: u64) -> Option<Range> {
    let (range, name) = line.split_once(" : ")?;
    if line.starts_with(' ') || !name.starts_with("System RAM") {
        return None;
    }
    let (first, last) = range.split_once('-')?;
    let first = u64::from_str_radix(first, 16).ok()?;
    let last = u64::from_str_radix(last, 16).ok()?;
    Some(Range {
        start: first.div_ceil(page_bytes),
        end: (last + 1) / page_bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_frames_of_outer_system_ram_count() {
        let text = "00000000-00000fff : Reserved\n\
                    00001000-0009fbff : System RAM\n\
                    00100000-bffdffff : System RAM\n  \
                      01000000-01ffffff : Kernel code\n\
                    100000000-17fffffff : System RAM\n\
                    180000000-1ffffffff : System RAM (kmem)\n";
        let range = |start, end| Range { start, end };
        let expected = [
            range(0x1, 0x9f),
            range(0x100, 0xbffe0),
            range(0x100000, 0x200000),
        ];
        assert_eq!(parse(text, 4096), expected);
    }
}
