// SPDX-License-Identifier: GPL-2.0-only

//! Which page goes when one goes at random, and where does one come back?

use crate::rng::Rng;

/// The places for pages in an area, each taken or vacant.
pub(super) struct Places {
    /// Every place once: those taken, then those vacant.
    order: Vec<u32>,
    taken: usize,
}

impl Places {
    /// So many places, all vacant.
    pub(super) fn vacant(count: u32) -> Self {
        Self {
            order: (0..count).collect(),
            taken: 0,
        }
    }

    /// Takes a vacant place, if there is one: that which was left last, or else the first.
    pub(super) fn take(&mut self) -> Option<u32> {
        let place = *self.order.get(self.taken)?;
        self.taken += 1;
        Some(place)
    }

    /// Leaves a place, if one is taken: each is as likely as any other.
    pub(super) fn leave(&mut self, rng: &mut Rng) -> Option<u32> {
        let last = self.taken.checked_sub(1)?;
        self.order.swap(rng.index(self.taken), last);
        self.taken = last;
        Some(self.order[last])
    }

    /// The places taken, in no order.
    pub(super) fn taken(&self) -> &[u32] {
        &self.order[..self.taken]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: u32 = 4000;

    fn full() -> Places {
        let mut places = Places::vacant(COUNT);
        while places.take().is_some() {}
        places
    }

    fn sorted(places: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let mut places: Vec<u32> = places.into_iter().collect();
        places.sort_unstable();
        places
    }

    #[test]
    fn every_place_is_taken_once_and_left_once() {
        let (mut places, mut rng) = (full(), Rng::new(1, 0));
        let left = std::iter::from_fn(|| places.leave(&mut rng));
        assert_eq!(sorted(left), Vec::from_iter(0..COUNT));
        assert!(places.taken().is_empty());
    }

    #[test]
    fn what_left_is_what_can_be_taken_again() {
        let (mut places, mut rng) = (full(), Rng::new(1, 0));
        let left = sorted((0..COUNT / 3).filter_map(|_| places.leave(&mut rng)));
        assert!(left.iter().all(|place| !places.taken().contains(place)));
        let back = std::iter::from_fn(|| places.take());
        assert_eq!(sorted(back), left);
    }

    #[test]
    fn places_are_left_all_over_the_area_and_as_the_seed_says() {
        let leave = |seed| {
            let (mut places, mut rng) = (full(), Rng::new(seed, 0));
            Vec::from_iter((0..COUNT / 2).filter_map(|_| places.leave(&mut rng)))
        };
        let left = leave(1);
        for eighth in 0..8 {
            let here = left.iter().filter(|&place| place * 8 / COUNT == eighth);
            assert!((200..300).contains(&here.count()));
        }
        assert_eq!(left, leave(1));
        assert_ne!(left, leave(2));
    }
}
