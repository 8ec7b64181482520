//! Freshness of the keys that a process knows of a shared ring.
//!
//! Known keys are fresh for half of the refresh interval. After that one request asks the store
//! while the others continue; after the whole interval, or when the store notified of a change, all
//! requests wait for the answer.

use crate::core::{Clock, millis};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::{sync::Arc, time::Duration};

/// Pause after a failure of the store, in milliseconds.
pub(super) const PAUSE: u64 = 500;
/// Longest time that requests continue while another asks the store, in milliseconds.
const CLAIM: u64 = 1000;
/// Rate limit of lookups for unknown keys: one per `LOOK` milliseconds, with bursts of `LOOKS`.
///
/// New keys are still found while attackers invent key ids by the thousand.
const LOOK: u64 = 100;
const LOOKS: u64 = 256;

/// The freshness of the known keys. Times are monotonic milliseconds.
pub(super) struct Freshness {
    interval: u64,
    /// Counts the store's notifications.
    pub(super) changes: Arc<AtomicU64>,
    /// The count when the store was last asked.
    seen: AtomicU64,
    due_at: AtomicU64,
    stale_at: AtomicU64,
    claimed_until: AtomicU64,
    look_at: AtomicU64,
    rotate_at: AtomicU64,
    pub(super) failing: AtomicBool,
}

/// Advances a time; of several concurrent callers, one succeeds.
fn claim(time: &AtomicU64, now: u64, until: u64) -> bool {
    let before = time.load(Ordering::Acquire);
    now >= before
        && time.compare_exchange(before, until, Ordering::AcqRel, Ordering::Acquire).is_ok()
}

impl Freshness {
    pub(super) fn new(interval: Duration, changes: Arc<AtomicU64>) -> Self {
        Self {
            interval: millis(interval),
            changes,
            seen: AtomicU64::new(u64::MAX),
            due_at: AtomicU64::new(0),
            stale_at: AtomicU64::new(0),
            claimed_until: AtomicU64::new(0),
            look_at: AtomicU64::new(0),
            rotate_at: AtomicU64::new(0),
            failing: AtomicBool::new(false),
        }
    }

    fn unchanged(&self) -> bool {
        self.seen.load(Ordering::Acquire) == self.changes.load(Ordering::Acquire)
    }

    fn is_due(&self, now: u64) -> bool {
        now >= self.due_at.load(Ordering::Acquire)
    }

    fn is_stale(&self, now: u64) -> bool {
        !self.unchanged() || now >= self.stale_at.load(Ordering::Acquire)
    }

    pub(super) fn is_fresh(&self, now: u64) -> bool {
        self.unchanged() && !self.is_due(now)
    }

    fn is_claimed(&self, now: u64) -> bool {
        now < self.claimed_until.load(Ordering::Acquire)
    }

    /// Returns whether the known keys may be used without asking the store.
    pub(super) fn is_usable(&self, now: u64) -> bool {
        self.is_fresh(now) || (!self.is_stale(now) && self.is_claimed(now))
    }

    /// Like [`is_usable`](Self::is_usable), but one caller gets false when a refresh is due.
    pub(super) fn may_use(&self, now: u64) -> bool {
        self.is_usable(now)
            || (!self.is_stale(now) && !claim(&self.claimed_until, now, now.saturating_add(CLAIM)))
    }

    /// Records that the store was asked at `now`, after `changes`.
    pub(super) fn renew(&self, now: u64, changes: u64) {
        self.serve(now.saturating_add(self.interval / 2), changes);
        self.failing.store(false, Ordering::Relaxed);
    }

    /// Records that the store failed. Returns whether it worked before.
    pub(super) fn postpone(&self, now: u64, changes: u64) -> bool {
        self.serve(now.saturating_add(PAUSE), changes);
        !self.failing.swap(true, Ordering::Relaxed)
    }

    fn serve(&self, due_at: u64, changes: u64) {
        let stale_at = due_at.saturating_add(self.interval / 2);
        self.due_at.store(due_at, Ordering::Release);
        self.stale_at.store(stale_at, Ordering::Release);
        self.seen.store(changes, Ordering::Release);
    }

    /// Returns whether an unknown key may be looked up (a leaky bucket).
    pub(super) fn may_look(&self, now: u64) -> bool {
        let latest = now.saturating_add(LOOK * LOOKS);
        let next =
            |look_at: u64| Some(look_at.max(now).saturating_add(LOOK)).filter(|t| *t <= latest);
        self.look_at.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).is_ok()
    }

    /// Returns whether a rotation may be tried, which is delayed after a failed one.
    pub(super) fn may_rotate(&self, clock: &dyn Clock) -> bool {
        millis(clock.monotonic()) >= self.rotate_at.load(Ordering::Acquire)
    }

    pub(super) fn not_rotated(&self, clock: &dyn Clock) {
        let again = millis(clock.monotonic()).saturating_add(PAUSE);
        self.rotate_at.store(again, Ordering::Release);
    }
}
