// SPDX-License-Identifier: GPL-2.0-only

//! What does `/proc/zoneinfo` say about each zone?

use super::files;
use super::ram::Range;
use crate::Result;

/// One populated zone; all counts in pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Zone {
    /// Node number.
    pub(crate) node: u64,
    /// `DMA`, `DMA32`, `Normal`, `Movable`, …
    pub(crate) name: String,
    /// Free pages on the buddy lists.
    pub(crate) free: u64,
    /// Least watermark: below it only requests with access to reserves are served.
    pub(crate) min: u64,
    /// Low watermark: below it pages are reclaimed in the background.
    pub(crate) low: u64,
    /// High watermark.
    pub(crate) high: u64,
    /// Pages kept from requests that could do with a higher zone, at most.
    pub(crate) protection: u64,
    /// Pages from the first to the last, holes included.
    pub(crate) spanned: u64,
    /// Pages that exist.
    pub(crate) present: u64,
    /// Pages given to the allocator.
    pub(crate) managed: u64,
    /// Pages on per-CPU lists.
    pub(crate) per_cpu: u64,
    /// Pages set aside for high-order atomic requests.
    pub(crate) reserved: u64,
    /// Those of them that are free.
    pub(crate) reserved_free: u64,
    /// First page frame.
    pub(crate) start: u64,
}

impl Zone {
    /// The page frames the zone spans.
    pub(crate) fn span(&self) -> Range {
        Range {
            start: self.start,
            end: self.start + self.spanned,
        }
    }
}

/// The populated zones in address order.
pub(crate) fn zones() -> Result<Vec<Zone>> {
    Ok(parse(&files::read("/proc/zoneinfo")?))
}

/// Pages on the per-CPU lists of all zones: free, but on no buddy list.
pub(crate) fn per_cpu_pages() -> Result<u64> {
    Ok(zones()?.iter().map(|z| z.per_cpu).sum())
}

fn parse(text: &str) -> Vec<Zone> {
    let mut zones: Vec<Zone> = Vec::new();
    for line in text.lines() {
        if let Some(zone) = heading(line) {
            zones.push(zone);
        } else if let Some(zone) = zones.last_mut() {
            field(zone, line);
        }
    }
    zones.retain(|zone| zone.present > 0);
    zones.sort_by_key(|zone| zone.start);
    zones
}

/// `Node 0, zone   Normal`
fn heading(line: &str) -> Option<Zone> {
    let (node, name) = line.strip_prefix("Node ")?.split_once(", zone")?;
    Some(Zone {
        node: node.trim().parse().ok()?,
        name: name.trim().into(),
        ..Zone::default()
    })
}

fn field(zone: &mut Zone, line: &str) {
    let line = line.trim();
    if let Some(list) = line.strip_prefix("protection:") {
        let numbers = list.split(|c: char| !c.is_ascii_digit());
        zone.protection = numbers.filter_map(|n| n.parse().ok()).max().unwrap_or(0);
        return;
    }
    let line = line.strip_prefix("pages ").unwrap_or(line);
    let mut words = line.split_whitespace();
    let (Some(key), Some(Ok(value))) = (words.next(), words.next().map(str::parse::<u64>)) else {
        return;
    };
    match key {
        "free" => zone.free = value,
        "min" => zone.min = value,
        "low" => zone.low = value,
        "high" => zone.high = value,
        "spanned" => zone.spanned = value,
        "present" => zone.present = value,
        "managed" => zone.managed = value,
        "start_pfn:" => zone.start = value,
        "count:" => zone.per_cpu += value,
        "reserved_highatomic:" => zone.reserved = value,
        "free_highatomic:" => zone.reserved_free = value,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
Node 0, zone   Normal
  per-node stats
      nr_inactive_anon 5
  pages free     1000
        boost    0
        min      10
        low      20
        high     30
        spanned  4096
        present  4000
        managed  3900
        protection: (0, 0, 40, 40)
      nr_free_pages 1000
  pagesets
    cpu: 0
              count:    7
              high:     14
    cpu: 1
              count:    2
  start_pfn:           4096
  reserved_highatomic: 512
  free_highatomic:     100
Node 0, zone  Movable
  pages free     0
        present  0
  start_pfn:           0
";

    #[test]
    fn populated_zones_are_read_and_empty_ones_left_out() {
        let zone = Zone {
            node: 0,
            name: "Normal".into(),
            free: 1000,
            min: 10,
            low: 20,
            high: 30,
            protection: 40,
            spanned: 4096,
            present: 4000,
            managed: 3900,
            per_cpu: 9,
            reserved: 512,
            reserved_free: 100,
            start: 4096,
        };
        assert_eq!(parse(TEXT), [zone]);
    }
}
