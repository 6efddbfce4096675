// SPDX-License-Identifier: GPL-2.0-only

//! How many free pages of each order does each zone count?

use super::files;
use crate::Result;

/// The free areas of each populated zone by node and zone index: entries by order.
pub(crate) fn zones() -> Result<Vec<Vec<u64>>> {
    parse(&files::read("/proc/buddyinfo")?)
}

/// All free pages.
pub(crate) fn pages() -> Result<u64> {
    let pages = |zone: &Vec<u64>| -> u64 { zone.iter().enumerate().map(|(o, n)| n << o).sum() };
    Ok(zones()?.iter().map(pages).sum())
}

/// Lines `Node 0, zone Normal 1 2 3 …`
fn parse(text: &str) -> Result<Vec<Vec<u64>>> {
    let counts = |line: &str| -> Result<Vec<u64>> {
        let words = line.split_whitespace().skip(4);
        let parsed: std::result::Result<_, _> = words.map(str::parse).collect();
        parsed.map_err(|e| format!("/proc/buddyinfo: {line:?}: {e}").into())
    };
    text.lines().map(counts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_zone() {
        let text = "Node 0, zone      DMA      1      0 \nNode 1, zone   Normal      2      5 \n";
        assert_eq!(parse(text).ok(), Some(vec![vec![1, 0], vec![2, 5]]));
        assert!(parse("Node 0, zone DMA x").is_err());
    }
}
