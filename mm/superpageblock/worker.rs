// SPDX-License-Identifier: GPL-2.0-only

//! Who evacuates tainted blocks in the background? One worker for each zone.
//!
//! How long it goes on and when it comes back is up to [`crate::policy::worker`];
//! isolating and migrating pages is up to C. Its queue is freezable, and so is it.

use crate::policy::evacuate::LIMITS;
use crate::policy::worker::Next;
use crate::policy::worker::Progress;
use core::ffi::c_int;
use kernel::bindings;
use kernel::impl_has_delayed_work;
use kernel::new_delayed_work;
use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::atomic::Relaxed;
use kernel::sync::Arc;
use kernel::time::msecs_to_jiffies;
use kernel::time::Jiffies;
use kernel::workqueue::cancel_delayed_sync;
use kernel::workqueue::DelayedWork;
use kernel::workqueue::Queue;
use kernel::workqueue::WorkItem;

/// The worker of one zone.
///
/// # Invariants
///
/// `node` is the number of a node that may exist, and has a place for a zone `zone`.
/// Items of `queue` run in process context.
#[pin_data]
pub(crate) struct Worker {
    node: c_int,
    zone: u32,
    queue: &'static Queue,
    /// Time before which it does not run, in jiffies.
    not_before: Atomic<Jiffies>,
    /// Time at which failures count less again.
    forgive_at: Atomic<Jiffies>,
    #[pin]
    work: DelayedWork<Worker>,
}

impl_has_delayed_work! {
    impl HasDelayedWork<Self> for Worker { self.work }
}

impl WorkItem for Worker {
    type Pointer = Arc<Worker>;

    fn run(this: Arc<Worker>) {
        match this.rest() {
            0 => Worker::work_now(&this),
            // Somebody asked for it while it ran, and since then it rests.
            left => Worker::enqueue(&this, left),
        }
    }
}

impl Worker {
    /// A worker of a zone of `node` that runs on `queue` when somebody asks for it.
    ///
    /// # Safety
    ///
    /// `node` is the number of a node that may exist, and has a place for a zone `zone`.
    /// Items of `queue` run in process context.
    pub(crate) unsafe fn new(node: c_int, zone: u32, queue: &'static Queue) -> Result<Arc<Self>> {
        // INVARIANT: the caller guarantees it.
        Arc::pin_init(
            pin_init!(Self {
                node,
                zone,
                queue,
                not_before: Atomic::new(now()),
                forgive_at: Atomic::new(now()),
                work <- new_delayed_work!("superpageblock::Worker::work"),
            }),
            GFP_KERNEL,
        )
    }

    /// Have it look for something to do once it has rested. What is wanted meanwhile
    /// is done in one go. Callable from any context.
    pub(crate) fn kick(this: &Arc<Self>) {
        let gather = msecs_to_jiffies(LIMITS.gather_ms);
        Worker::enqueue(this, this.rest().max(gather));
    }

    /// Ends it: it does not run from now on, unless it is kicked. Sleeps.
    pub(crate) fn stop(this: &Arc<Self>) {
        drop(cancel_delayed_sync(this));
    }

    /// Nobody minds if it is on its queue already.
    fn enqueue(this: &Arc<Self>, delay: Jiffies) {
        let _ = this.queue.enqueue_delayed(this.clone(), delay);
    }

    /// Jiffies until it may run.
    fn rest(&self) -> Jiffies {
        until(&self.not_before)
    }

    fn work_now(this: &Arc<Self>) {
        let (progress, more) = this.pass();
        match Next::after(&progress, more) {
            Next::Idle => {}
            Next::Soon => Worker::kick(this),
            Next::Rest => this.begin_rest(&progress),
            Next::Again => {
                this.begin_rest(&progress);
                Worker::kick(this);
            }
        }
    }

    /// Does nothing for a while.
    fn begin_rest(&self, progress: &Progress) {
        let rest = msecs_to_jiffies(progress.rest_ms(&LIMITS));
        self.not_before.store(now().wrapping_add(rest), Relaxed);
    }

    /// What failed may succeed after some time.
    fn forgive(&self) {
        if until(&self.forgive_at) != 0 {
            return;
        }
        let rest = msecs_to_jiffies(LIMITS.worker_rest_ms);
        self.forgive_at.store(now().wrapping_add(rest), Relaxed);
        // SAFETY: there is a place for the zone, by our invariant.
        unsafe { bindings::spb_pass_forgive(self.node, self.zone) };
    }

    /// Empties pageblocks. Returns what came of it, and whether there is more to do.
    fn pass(&self) -> (Progress, bool) {
        self.forgive();
        let mut progress = Progress::default();
        // SAFETY: there is a place for the zone, by our invariant.
        if unsafe { bindings::spb_pass_begin(self.node, self.zone) } {
            self.work_for_refused(&mut progress);
        }
        let more = self.evacuate(&mut progress);
        (progress, more)
    }

    /// Makes room for requests that were refused: one pageblock, in whatever block.
    fn work_for_refused(&self, progress: &mut Progress) {
        self.empty_one(false, progress);
        if !progress.paid() {
            // SAFETY: `node` is one that may exist, by our invariant.
            unsafe { bindings::spb_rest_requests(self.node) };
        }
    }

    /// Evacuates the blocks that are below their reserve. Returns whether there are
    /// more of them.
    fn evacuate(&self, progress: &mut Progress) -> bool {
        // SAFETY: it reads variables of C that are always there.
        while progress.goes_on(&LIMITS) && !unsafe { bindings::spb_pass_paused() } {
            if !self.empty_one(true, progress) {
                return false;
            }
        }
        true
    }

    /// Empties one pageblock; returns whether there was one.
    fn empty_one(&self, low: bool, progress: &mut Progress) -> bool {
        let mut result = bindings::spb_evacuated::default();
        // SAFETY: by our invariants there is a place for the zone and this is process
        // context. `result` is ours.
        if !unsafe { bindings::spb_pass_empty(self.node, self.zone, low, &mut result) } {
            return false;
        }
        progress.add(result.moved, result.left, result.failed, result.gave_up);
        true
    }
}

/// Jiffies until a time; 0 if it has come.
fn until(time: &Atomic<Jiffies>) -> Jiffies {
    let left = time.load(Relaxed).wrapping_sub(now());
    // More than half of the circle is behind it.
    match left > Jiffies::MAX / 2 {
        true => 0,
        false => left,
    }
}

/// The time in jiffies, as far as they are counted.
fn now() -> Jiffies {
    // SAFETY: the variable always exists; that it changes does not matter to a read of
    // one word.
    unsafe { core::ptr::addr_of!(bindings::jiffies).read_volatile() }
}

#[cfg(CONFIG_SUPERPAGEBLOCK_KUNIT_TEST)]
#[kernel::macros::kunit_tests(superpageblock_workqueue)]
mod tests {
    use super::*;
    use kernel::time::delay::fsleep;
    use kernel::time::Delta;
    use kernel::workqueue;

    /// Far beyond the end of the test.
    const LATER: Jiffies = 1 << 30;

    #[pin_data]
    struct Counter {
        runs: Atomic<i32>,
        #[pin]
        work: DelayedWork<Counter>,
    }

    impl_has_delayed_work! {
        impl HasDelayedWork<Self> for Counter { self.work }
    }

    impl WorkItem for Counter {
        type Pointer = Arc<Counter>;

        fn run(this: Arc<Counter>) {
            this.runs.add(1, Relaxed);
        }
    }

    fn counter() -> Result<Arc<Counter>> {
        Arc::pin_init(
            pin_init!(Counter {
                runs: Atomic::new(0),
                work <- new_delayed_work!("superpageblock::Counter::work"),
            }),
            GFP_KERNEL,
        )
    }

    #[test]
    fn what_is_cancelled_does_not_run_and_is_given_back() -> Result {
        let counter = counter()?;
        let queue = workqueue::system_long();
        assert!(cancel_delayed_sync(&counter).is_none());
        assert!(queue.enqueue_delayed(counter.clone(), LATER).is_ok());
        assert!(queue.enqueue_delayed(counter.clone(), LATER).is_err());
        assert!(cancel_delayed_sync(&counter).is_some());
        assert_eq!(counter.runs.load(Relaxed), 0);
        // It is free again: neither lost nor counted twice.
        assert!(queue.enqueue_delayed(counter.clone(), LATER).is_ok());
        drop(cancel_delayed_sync(&counter));
        assert!(Arc::into_unique_or_drop(counter).is_some());
        Ok(())
    }

    /// Enqueues itself each time that it runs.
    #[pin_data]
    struct Restless {
        runs: Atomic<i32>,
        #[pin]
        work: DelayedWork<Restless>,
    }

    impl_has_delayed_work! {
        impl HasDelayedWork<Self> for Restless { self.work }
    }

    impl WorkItem for Restless {
        type Pointer = Arc<Restless>;

        fn run(this: Arc<Restless>) {
            this.runs.add(1, Relaxed);
            let _ = workqueue::system_long().enqueue_delayed(this, 0);
        }
    }

    #[test]
    fn what_enqueues_itself_is_cancelled_as_well() -> Result {
        let restless = Arc::pin_init(
            pin_init!(Restless {
                runs: Atomic::new(0),
                work <- new_delayed_work!("superpageblock::Restless::work"),
            }),
            GFP_KERNEL,
        )?;
        let queue = workqueue::system_long();
        assert!(queue.enqueue_delayed(restless.clone(), 0).is_ok());
        while restless.runs.load(Relaxed) < 100 {
            fsleep(Delta::from_millis(1));
        }
        drop(cancel_delayed_sync(&restless));
        // Neither it nor its queue holds a reference any more.
        assert!(Arc::into_unique_or_drop(restless).is_some());
        Ok(())
    }

    #[test]
    fn what_is_flushed_has_run() -> Result {
        let counter = counter()?;
        let queue = workqueue::system_long();
        assert!(queue.enqueue_delayed(counter.clone(), LATER).is_ok());
        workqueue::flush_delayed(&counter);
        assert_eq!(counter.runs.load(Relaxed), 1);
        assert!(cancel_delayed_sync(&counter).is_none());
        Ok(())
    }
}
