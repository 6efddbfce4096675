// SPDX-License-Identifier: GPL-2.0-only
//! Does an access find its line in a cache?

/// Bytes of a line, as a power of two: 64 on every x86-64 processor.
pub const LINE_SHIFT: u32 = 6;

/// A set-associative cache that forgets what was used least recently. It knows lines, not what is in them.
pub struct Cache {
    /// Lines of each set, the last used first.
    lines: Vec<u64>,
    ways: usize,
    sets: u64,
}

/// No line: the machine has no memory there.
const EMPTY: u64 = u64::MAX;

impl Cache {
    /// An empty cache of `bytes`, a power of two, in sets of `ways` lines.
    pub fn new(bytes: u64, ways: usize) -> Self {
        let sets = (bytes >> LINE_SHIFT) / ways as u64;
        assert!(sets.is_power_of_two(), "sets are found by a mask");
        Self {
            lines: vec![EMPTY; sets as usize * ways],
            ways,
            sets,
        }
    }

    /// Uses `line`; returns whether it had to be fetched.
    pub fn misses(&mut self, line: u64) -> bool {
        let first = (line & (self.sets - 1)) as usize * self.ways;
        let set = &mut self.lines[first..first + self.ways];
        let found = set.iter().position(|&held| held == line);
        let place = found.unwrap_or(set.len() - 1);
        set[..=place].rotate_right(1);
        set[0] = line;
        found.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sets of two lines.
    fn small() -> Cache {
        Cache::new(4 << LINE_SHIFT, 2)
    }

    #[test]
    fn a_line_is_fetched_once() {
        let mut cache = small();
        assert!(cache.misses(8));
        assert!(!cache.misses(8));
    }

    #[test]
    fn the_least_recently_used_line_of_the_set_goes() {
        let mut cache = small();
        for line in [0, 2, 0, 4] {
            cache.misses(line);
        }
        assert!(!cache.misses(0));
        assert!(cache.misses(2));
    }

    #[test]
    fn sets_do_not_disturb_each_other() {
        let mut cache = small();
        for line in [0, 1, 3, 5, 7] {
            cache.misses(line);
        }
        assert!(!cache.misses(0));
    }

    #[test]
    #[should_panic(expected = "sets are found by a mask")]
    fn a_size_that_no_mask_fits_is_refused() {
        Cache::new(6 << LINE_SHIFT, 2);
    }
}
