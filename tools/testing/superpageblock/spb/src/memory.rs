// SPDX-License-Identifier: GPL-2.0-only
//! How much memory may a guest have?

use std::fs;
use std::str::FromStr;

use anyhow::bail;
use anyhow::Context;
use anyhow::Result;

/// Left to the host, in MiB.
const HEADROOM: u64 = 1024;
/// Less does not boot, in MiB.
const SMALLEST: u64 = 256;

/// An amount of memory in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mib(pub u64);

impl FromStr for Mib {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no amount of memory: say 8G or 512M");
        let (number, unit) = match text.char_indices().last() {
            Some((at, 'G' | 'g')) => (&text[..at], 1024),
            Some((at, 'M' | 'm')) => (&text[..at], 1),
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        number.checked_mul(unit).map(Mib).ok_or_else(wrong)
    }
}

impl std::fmt::Display for Mib {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 % 1024 == 0 {
            write!(f, "{}G", self.0 / 1024)
        } else {
            write!(f, "{}M", self.0)
        }
    }
}

impl Mib {
    /// `count` GiB.
    pub const fn gib(count: u64) -> Self {
        Self(count * 1024)
    }

    /// `count` MiB.
    pub const fn mebi(count: u64) -> Self {
        Self(count)
    }

    /// Refuses a guest that is too small to boot or that the host cannot hold.
    pub fn check(self) -> Result<()> {
        if self.0 < SMALLEST {
            bail!("a guest needs at least {SMALLEST}M, MEM={self} is less");
        }
        let free = available()?;
        if self > free {
            bail!(
                "a {self} guest does not fit: the host can give {free}; set MEM={}",
                free.whole()
            );
        }
        Ok(())
    }

    /// The largest whole number of GiB in it, or MiB where that is none.
    pub fn whole(self) -> Self {
        if self.0 >= 1024 {
            Self(self.0 / 1024 * 1024)
        } else {
            self
        }
    }
}

/// What this host can give to a guest right now.
pub fn available() -> Result<Mib> {
    let text = fs::read_to_string("/proc/meminfo").context("cannot read /proc/meminfo")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib: u64 = line
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|number| number.trim().parse().ok())
        .context("/proc/meminfo has no MemAvailable")?;
    let mib = (kib / 1024).min(container_limit());
    Ok(Mib(mib.saturating_sub(HEADROOM)))
}

/// What is left of a container's limit, in MiB.
fn container_limit() -> u64 {
    let read = |name: &str| -> Option<u64> {
        fs::read_to_string(format!("/sys/fs/cgroup/{name}"))
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    match (read("memory.max"), read("memory.current")) {
        (Some(limit), Some(used)) => limit.saturating_sub(used) >> 20,
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_need_a_unit() {
        assert_eq!("8G".parse(), Ok(Mib(8192)));
        assert_eq!("512m".parse(), Ok(Mib(512)));
        assert!("8".parse::<Mib>().is_err());
        assert!("".parse::<Mib>().is_err());
    }

    #[test]
    fn a_tiny_guest_is_refused() {
        assert!(Mib(128).check().is_err());
    }
}
