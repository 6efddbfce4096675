// SPDX-License-Identifier: GPL-2.0-only
//! How many things may keep a processor busy at the same time?

use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::memory::Mib;

/// Places for kernel builds and guests, each of which keeps about one processor busy, and memory for guests.
pub struct Places {
    free: Mutex<Free>,
    given_back: Condvar,
}

struct Free {
    places: usize,
    memory: u64,
    taken: usize,
}

/// A place, and memory, until it is dropped.
pub struct Place<'a> {
    places: &'a Places,
    memory: u64,
}

impl Places {
    /// So many places, and so much memory for all of them.
    pub fn new(places: usize, memory: Mib) -> Self {
        let (memory, taken) = (memory.0, 0);
        Self {
            free: Mutex::new(Free {
                places,
                memory,
                taken,
            }),
            given_back: Condvar::new(),
        }
    }

    /// Waits for a place and for memory. Who needs more than there is gets it when nobody else has a place: what is
    /// wrong is said where it is used.
    pub fn take(&self, memory: Mib) -> Place<'_> {
        let lock = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let must_wait =
            |free: &mut Free| free.taken > 0 && (free.places == 0 || free.memory < memory.0);
        let waited = self.given_back.wait_while(lock, must_wait);
        let mut free = waited.unwrap_or_else(PoisonError::into_inner);
        let memory = memory.0.min(free.memory);
        free.places -= 1;
        free.memory -= memory;
        free.taken += 1;
        Place {
            places: self,
            memory,
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let lock = self.places.free.lock();
        let mut free = lock.unwrap_or_else(PoisonError::into_inner);
        free.places += 1;
        free.memory += self.memory;
        free.taken -= 1;
        self.places.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering;
    use std::thread;

    /// The most that had a place at the same time, of eight that want `memory`.
    fn most_at_once(places: usize, all: u64, memory: u64) -> usize {
        let places = Places::new(places, Mib(all));
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let _place = places.take(Mib(memory));
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        most.into_inner()
    }

    #[test]
    fn no_more_than_the_places_are_taken() {
        assert!(most_at_once(2, 1000, 1) <= 2);
    }

    #[test]
    fn no_more_than_the_memory_is_taken() {
        assert_eq!(most_at_once(8, 1000, 600), 1);
    }

    #[test]
    fn too_much_is_had_alone() {
        assert_eq!(most_at_once(8, 1000, 2000), 1);
    }
}
