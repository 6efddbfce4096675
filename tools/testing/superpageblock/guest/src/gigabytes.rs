// SPDX-License-Identifier: GPL-2.0-only

//! What does the kernel say of each of its gigabytes?

use crate::sys::files;
use crate::verify;
use crate::Result;

/// One line of debugfs `blocks`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gigabyte {
    /// Its node.
    pub(crate) node: u64,
    /// Name of its zone.
    pub(crate) zone: String,
    /// Its first page frame.
    pub(crate) start: u64,
    /// One word, or two with a hyphen.
    pub(crate) state: String,
    /// Pages of the zone that are there.
    pub(crate) present: u64,
    /// Those of them that are free.
    pub(crate) free: u64,
}

impl Gigabyte {
    /// All its pages are of one zone: it can be a 1 GB page.
    pub(crate) fn complete(&self) -> bool {
        !self.state.starts_with("partial")
    }

    /// It is one, or can be made one by migration alone.
    pub(crate) fn clean(&self) -> bool {
        self.state == "clean" || self.state == "empty"
    }

    /// There is memory in it that cannot move, whether it is complete or not.
    pub(crate) fn tainted(&self) -> bool {
        self.state.ends_with("tainted") || self.state == "reserved"
    }
}

/// All gigabytes that are attached; none on stock kernels.
pub(crate) fn list() -> Result<Vec<Gigabyte>> {
    if !verify::patched() {
        return Ok(Vec::new());
    }
    Ok(parse(&files::read(format!("{}/blocks", verify::DIR))?))
}

/// Reads the text of `blocks`, leaving out what is not about a gigabyte.
pub(crate) fn parse(text: &str) -> Vec<Gigabyte> {
    text.lines().filter_map(gigabyte).collect()
}

/// `node zone start-pfn state present free …`
fn gigabyte(line: &str) -> Option<Gigabyte> {
    let words: Vec<&str> = line.split_whitespace().collect();
    Some(Gigabyte {
        node: words.first()?.parse().ok()?,
        zone: words.get(1)?.to_string(),
        start: u64::from_str_radix(words.get(2)?.strip_prefix("0x")?, 16).ok()?,
        state: words.get(3)?.to_string(),
        present: words.get(4)?.parse().ok()?,
        free: words.get(5)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_gigabyte() {
        let text = "\
node zone       start-pfn state           present    free order dirty   Unmovable
   0 DMA32        0x40000 tainted          262144    1200     9     3           1
   1 Normal       0x80000 partial-clean        60      60    10     0           0
";
        let [first, second] = &parse(text)[..] else {
            panic!("two lines are about gigabytes");
        };
        assert_eq!((first.start, first.free), (0x40000, 1200));
        assert!(first.tainted() && first.complete() && !first.clean());
        assert_eq!((second.node, second.present), (1, 60));
        assert!(!second.tainted() && !second.complete() && !second.clean());
    }
}
