// SPDX-License-Identifier: GPL-2.0-only

//! How much memory did the kernel want to save?

use crate::protocol;
use crate::sys::kmsg::Kmsg;
use crate::Result;

/// Before memory is copied, the kernel allocates one page for each that it must save, and says so.
const BEFORE: &str = "Allocated ";
const AFTER: &str = " pages for snapshot";
/// Pages that may come on top of those in use: what suspending itself allocates.
const SLACK: u64 = 4096;

/// Fails unless what was saved is about what was in use, and at least what processes `held`.
pub(crate) fn check(held: u64, used: u64) -> Result<()> {
    let lines = Kmsg::from_start()?.lines();
    let saved = lines.iter().rev().find_map(|line| pages(line));
    let saved = saved.ok_or("the kernel did not log how many pages it saved")?;
    protocol::metric("image_pages", saved);
    protocol::metric("used_pages", used);
    judge(saved, held, used)
}

fn judge(saved: u64, held: u64, used: u64) -> Result<()> {
    if saved < held || saved > used + SLACK {
        return Err(format!(
            "{saved} pages were saved; {used} were in use, {held} of them by processes here"
        )
        .into());
    }
    Ok(())
}

fn pages(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once(BEFORE)?;
    rest.strip_suffix(AFTER)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_stands_between_the_words() {
        let line = "PM: hibernation: Allocated 81234 pages for snapshot";
        assert_eq!(pages(line), Some(81234));
        assert_eq!(
            pages("PM: hibernation: Allocated 5 kbytes in 1 seconds"),
            None
        );
    }

    #[test]
    fn neither_all_memory_nor_too_little_will_do() {
        assert!(judge(50_000, 30_000, 48_000).is_ok());
        assert!(judge(700_000, 30_000, 48_000).is_err());
        assert!(judge(20_000, 30_000, 48_000).is_err());
    }
}
