//! What of a list can change while it is used.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Read at each question, written seldom: each stands for itself.
pub(crate) struct Limits {
    /// Milliseconds.
    leeway: AtomicU64,
    /// Milliseconds; the greatest number stands for ever.
    max_lifetime: AtomicU64,
    fail_open: AtomicBool,
}

/// Up: an entry must not end before its token.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

impl Limits {
    pub(super) fn new(leeway: Duration, max_lifetime: Duration, fail_open: bool) -> Self {
        Self {
            leeway: millis(leeway).into(),
            max_lifetime: millis(max_lifetime).into(),
            fail_open: fail_open.into(),
        }
    }

    pub(super) fn leeway(&self) -> Duration {
        Duration::from_millis(self.leeway.load(Ordering::Relaxed))
    }

    /// `None`: tokens may live for ever.
    pub(super) fn max_lifetime(&self) -> Option<Duration> {
        let most = self.max_lifetime.load(Ordering::Relaxed);
        (most != u64::MAX).then(|| Duration::from_millis(most))
    }

    pub(super) fn fail_open(&self) -> bool {
        self.fail_open.load(Ordering::Relaxed)
    }

    #[cfg(feature = "config")]
    pub(super) fn take(&self, newer: &Self) {
        let copy = |own: &AtomicU64, newer: &AtomicU64| {
            own.store(newer.load(Ordering::Relaxed), Ordering::Relaxed);
        };
        copy(&self.leeway, &newer.leeway);
        copy(&self.max_lifetime, &newer.max_lifetime);
        let fail_open = newer.fail_open.load(Ordering::Relaxed);
        self.fail_open.store(fail_open, Ordering::Relaxed);
    }
}
