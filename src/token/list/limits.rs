//! Limits of a list that can change while it is in use.

use crate::core::clock::millis_up;
use crate::core::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Limits of a list. Each is read and written independently of the others.
pub(crate) struct Limits {
    /// Milliseconds.
    leeway: AtomicU64,
    /// Milliseconds; `u64::MAX` means no limit.
    max_lifetime: AtomicU64,
    fail_open: AtomicBool,
    /// The longest leeway of a verifier that uses the list, in seconds.
    used_leeway: AtomicU64,
    /// Whether a verifier that uses the list accepts tokens without `exp`.
    used_without_end: AtomicBool,
}

impl Limits {
    pub(super) fn new(leeway: Duration, max_lifetime: Duration, fail_open: bool) -> Self {
        Self {
            // Rounded up: an entry must not end before its token.
            leeway: millis_up(leeway).into(),
            max_lifetime: millis_up(max_lifetime).into(),
            fail_open: fail_open.into(),
            used_leeway: AtomicU64::new(0),
            used_without_end: AtomicBool::new(false),
        }
    }

    pub(super) fn leeway(&self) -> Duration {
        Duration::from_millis(self.leeway.load(Ordering::Relaxed))
    }

    /// Returns the longest token lifetime; `None` means no limit.
    pub(super) fn max_lifetime(&self) -> Option<Duration> {
        let most = self.max_lifetime.load(Ordering::Relaxed);
        (most != u64::MAX).then(|| Duration::from_millis(most))
    }

    pub(super) fn fail_open(&self) -> bool {
        self.fail_open.load(Ordering::Relaxed)
    }

    /// Checks that entries outlive the tokens that a verifier accepts; `leeway` in seconds.
    pub(super) fn check(&self, leeway: u64, requires_end: bool) -> Result<(), Error> {
        if self.leeway().as_secs() < leeway {
            return Err(Error::configuration(
                "the list's leeway is shorter than the verifier's, so an entry would end before \
                 its token: give the list's .leeway(…) the verifier's",
            ));
        }
        if !requires_end && self.max_lifetime().is_some() {
            return Err(Error::configuration(
                "a list cannot be combined with .danger_accept_missing_exp(): tokens without exp \
                 outlive the revocation of their subject; give the list \
                 .max_token_lifetime(Duration::MAX)",
            ));
        }
        Ok(())
    }

    /// Records the requirements of a verifier that uses the list.
    pub(super) fn note_use(&self, leeway: u64, requires_end: bool) {
        self.used_leeway.fetch_max(leeway, Ordering::Relaxed);
        self.used_without_end.fetch_or(!requires_end, Ordering::Relaxed);
    }

    /// Checks that other limits fit all verifiers that use the list.
    #[cfg(feature = "config")]
    pub(super) fn check_newer(&self, newer: &Self) -> Result<(), Error> {
        newer.check(
            self.used_leeway.load(Ordering::Relaxed),
            !self.used_without_end.load(Ordering::Relaxed),
        )
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
