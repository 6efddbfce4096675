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
    /// There was no memory to move pages to, or no time.
    pub(crate) gave_up: bool,
}

impl Progress {
    /// Another pageblock was tried.
    pub(crate) fn add(&mut self, moved: u32, left: u32, gave_up: bool) {
        self.pageblocks = self.pageblocks.saturating_add(1);
        self.moved = self.moved.saturating_add(moved);
        self.left = self.left.saturating_add(left);
        self.gave_up |= gave_up;
    }

    /// Whether it was worth while: more than stayed was moved.
    pub(crate) const fn paid(&self) -> bool {
        self.moved > self.left
    }

    /// Whether to try another pageblock of the zone in this pass.
    pub(crate) const fn goes_on(&self, limits: &Limits) -> bool {
        !self.gave_up && self.left < limits.left && self.pageblocks < limits.pass
    }
}

/// What comes after a pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// All is done; others say when there is more.
    Idle,
    /// Nobody is to ask for a while.
    Rest,
    /// The same, then another pass, for some blocks are still below their reserve.
    Again,
}

impl Next {
    /// After a pass that moved `moved` pages, and left `more` to do.
    pub(crate) const fn after(moved: u32, more: bool) -> Next {
        match (moved != 0, more) {
            (true, false) => Next::Idle,
            (false, false) => Next::Rest,
            (_, true) => Next::Again,
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
        progress.add(500, LIMITS.left - 1, false);
        assert!(progress.goes_on(&LIMITS) && progress.paid());
        progress.add(500, 1, false);
        assert!(!progress.goes_on(&LIMITS));
        let mut full = Progress::default();
        full.add(500, 0, true);
        assert!(!full.goes_on(&LIMITS));
    }

    #[test]
    fn a_pass_ends_for_others_to_have_their_turn() {
        let mut progress = Progress::default();
        for _ in 0..LIMITS.pass {
            assert!(progress.goes_on(&LIMITS));
            progress.add(1, 0, false);
        }
        assert!(!progress.goes_on(&LIMITS));
    }

    #[test]
    fn who_gets_nowhere_rests() {
        assert_eq!(Next::after(1, false), Next::Idle);
        assert_eq!(Next::after(0, false), Next::Rest);
        assert_eq!(Next::after(1, true), Next::Again);
        assert_eq!(Next::after(0, true), Next::Again);
    }
}
