//! Counters that end the use of cached tokens: of all, or of one.

use std::sync::atomic::{AtomicU64, Ordering};

/// A power of two. Tokens that share a slot with a forgotten token are verified again too.
const SLOTS: usize = 1024;

/// A cached token is current only in the epoch in which its verification began.
///
/// This also reaches copies in the caches of other threads, and verifications in progress.
pub(crate) struct Epochs {
    all: AtomicU64,
    by_hash: Box<[AtomicU64]>,
}

impl Epochs {
    pub(crate) fn new() -> Self {
        Self { all: AtomicU64::new(0), by_hash: (0..SLOTS).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Returns the epoch of the token with this hash.
    ///
    /// Both counters only grow, so their sum is unchanged only if both are.
    pub(crate) fn of(&self, hash: u64) -> u64 {
        self.all.load(Ordering::Acquire).wrapping_add(self.slot(hash).load(Ordering::Acquire))
    }

    pub(crate) fn end_all(&self) {
        self.all.fetch_add(1, Ordering::AcqRel);
    }

    /// Ends the epoch of the token with this hash.
    pub(crate) fn end(&self, hash: u64) {
        self.slot(hash).fetch_add(1, Ordering::AcqRel);
    }

    fn slot(&self, hash: u64) -> &AtomicU64 {
        &self.by_hash[hash as usize % SLOTS]
    }
}
