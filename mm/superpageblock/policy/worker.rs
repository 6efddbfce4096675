// SPDX-License-Identifier: GPL-2.0-only

//! When does the worker stop, and when does it come back?

use super::evacuate::Limits;

/// What has come of a pass over a zone so far.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Progress {
    /// Pageblocks that were tried.
    pub(crate) pageblocks: u32,
    /// Pages that were moved out of them.
    pub(crate) moved: u32,
    /// Pages that look as if they could move and stayed.
    pub(crate) left: u32,
    /// Folios that were to be moved and stayed.
    pub(crate) failed: u32,
    /// There was no memory to move pages to.
    pub(crate) gave_up: bool,
}

impl Progress {
    /// Another pageblock was tried.
    pub(crate) fn add(&mut self, moved: u32, left: u32, failed: u32, gave_up: bool) {
        self.pageblocks = self.pageblocks.saturating_add(1);
        self.moved = self.moved.saturating_add(moved);
        self.left = self.left.saturating_add(left);
        self.failed = self.failed.saturating_add(failed);
        self.gave_up |= gave_up;
    }

    /// Whether it was worth while: more than stayed was moved.
    pub(crate) const fn paid(&self) -> bool {
        self.moved > self.left
    }

    /// How long to rest after it, in milliseconds.
    pub(crate) const fn rest_ms(&self, limits: &Limits) -> u32 {
        if self.gave_up {
            limits.wait_ms
        } else {
            limits.worker_rest_ms
        }
    }

    /// Whether to try another pageblock of the zone in this pass.
    pub(crate) const fn goes_on(&self, limits: &Limits) -> bool {
        !self.gave_up && self.failed < limits.failed && self.pageblocks < limits.pass
    }
}

/// What comes after a pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// All is done, or nothing was there to do; others say when there is more.
    Idle,
    /// It got nowhere: nobody is to ask for a while.
    Rest,
    /// The same, then another pass, for some blocks are still below their reserve.
    Again,
    /// Others have their turn, then another pass: it got somewhere and is not done.
    Soon,
}

impl Next {
    /// After a pass that left `more` to do, or not.
    pub(crate) const fn after(progress: &Progress, more: bool) -> Next {
        if more && progress.paid() {
            Next::Soon
        } else if more {
            Next::Again
        } else if progress.pageblocks == 0 || progress.moved != 0 {
            Next::Idle
        } else {
            Next::Rest
        }
    }
}

#[cfg(any(test, CONFIG_SUPERPAGEBLOCK_KUNIT_TEST))]
#[cfg_attr(not(test), kernel::macros::kunit_tests(superpageblock_progress))]
mod tests {
    use super::super::evacuate::LIMITS;
    use super::*;

    #[test]
    fn a_pass_ends_where_it_gets_nowhere() {
        let mut progress = Progress::default();
        assert!(progress.goes_on(&LIMITS) && !progress.paid());
        progress.add(500, 63, LIMITS.failed - 1, false);
        assert!(progress.goes_on(&LIMITS) && progress.paid());
        progress.add(500, 1, 1, false);
        assert!(!progress.goes_on(&LIMITS));
        let mut full = Progress::default();
        full.add(500, 0, 0, true);
        assert!(!full.goes_on(&LIMITS));
    }

    #[test]
    fn one_large_folio_that_stays_is_one_failure() {
        let mut progress = Progress::default();
        progress.add(0, 512, 1, false);
        assert!(progress.goes_on(&LIMITS) && !progress.paid());
    }

    #[test]
    fn who_only_lacks_memory_comes_back_soon() {
        let mut failed = Progress::default();
        failed.add(0, 64, 64, false);
        assert_eq!(failed.rest_ms(&LIMITS), LIMITS.worker_rest_ms);
        failed.add(0, 0, 0, true);
        assert_eq!(failed.rest_ms(&LIMITS), LIMITS.wait_ms);
    }

    #[test]
    fn a_pass_ends_for_others_to_have_their_turn() {
        let mut progress = Progress::default();
        for _ in 0..LIMITS.pass {
            assert!(progress.goes_on(&LIMITS));
            progress.add(1, 0, 0, false);
        }
        assert!(!progress.goes_on(&LIMITS));
    }

    #[test]
    fn who_gets_nowhere_rests() {
        let mut nowhere = Progress::default();
        nowhere.add(0, 0, 0, false);
        assert_eq!(Next::after(&nowhere, false), Next::Rest);
        assert_eq!(Next::after(&nowhere, true), Next::Again);
        let mut somewhere = nowhere;
        somewhere.add(1, 0, 0, false);
        assert_eq!(Next::after(&somewhere, false), Next::Idle);
        assert_eq!(Next::after(&somewhere, true), Next::Soon);
        let mut hardly = nowhere;
        hardly.add(64, 64, 1, false);
        assert_eq!(Next::after(&hardly, true), Next::Again);
    }

    #[test]
    fn who_had_nothing_to_do_does_not_rest() {
        let nothing = Progress::default();
        assert_eq!(Next::after(&nothing, false), Next::Idle);
        assert_eq!(Next::after(&nothing, true), Next::Again);
    }
}
