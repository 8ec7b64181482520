//! Decides which answers of a store a cache may keep and use.
//!
//! The cache itself is outside: [`Freshness`] calls it under the locks that the decision needs. The model
//! checks (`models`) compile this file with the locks and atomics of loom.

use crate::core::sync::{AtomicU64, Mutex, Ordering, lock};

/// Change counters of keys, in stripes, and the epoch of all copies.
pub(crate) struct Freshness<const STRIPES: usize> {
    /// A copy is inserted and invalidated under the same lock, so that an answer from before a
    /// change is never cached after it.
    changes: [Mutex<u64>; STRIPES],
    /// Incremented when every copy becomes invalid. Odd while answers may be cached.
    epoch: AtomicU64,
}

/// The state when a read began, which decides whether its answer may be cached.
pub(crate) struct Asked {
    pub(crate) epoch: u64,
    changes: u64,
}

/// What makes every copy invalid.
#[derive(Clone, Copy)]
pub(crate) enum Turn {
    /// Every record may have changed.
    Changed,
    /// Changes are no longer learned: nothing may be cached.
    Lost,
    /// Changes are learned from here on.
    Live,
}

impl<const STRIPES: usize> Freshness<STRIPES> {
    /// Nothing may be cached before [`Turn::Live`].
    pub(crate) fn new() -> Self {
        Self { changes: std::array::from_fn(|_| Mutex::new(0)), epoch: AtomicU64::new(0) }
    }

    fn stripe(&self, hash: u64) -> &Mutex<u64> {
        &self.changes[(hash % STRIPES as u64) as usize]
    }

    /// Returns whether answers may be cached.
    pub(crate) fn is_live(&self) -> bool {
        self.epoch.load(Ordering::Acquire) % 2 == 1
    }

    /// Returns whether a copy of this epoch may be used.
    pub(crate) fn is_current(&self, epoch: u64) -> bool {
        epoch == self.epoch.load(Ordering::Acquire)
    }

    /// Notes the state before the store is read; `None` if its answer must not be cached.
    pub(crate) fn ask(&self, hash: u64) -> Option<Asked> {
        let epoch = self.epoch.load(Ordering::Acquire);
        (epoch % 2 == 1).then(|| Asked { epoch, changes: *lock(self.stripe(hash)) })
    }

    /// Inserts a copy unless the key changed since the read began; returns whether it did.
    pub(crate) fn remember(&self, hash: u64, asked: &Asked, insert: impl FnOnce()) -> bool {
        let changes = lock(self.stripe(hash));
        let is_same = *changes == asked.changes;
        if is_same {
            insert();
        }
        is_same
    }

    /// Invalidates the copy of a key that changed.
    pub(crate) fn change(&self, hash: u64, invalidate: impl FnOnce()) {
        let mut changes = lock(self.stripe(hash));
        *changes += 1;
        invalidate();
    }

    /// Makes every copy invalid at once.
    pub(crate) fn change_all(&self, turn: Turn) {
        let next = |epoch| {
            Some(match turn {
                Turn::Changed => epoch + 2,
                Turn::Lost => (epoch + 2) & !1,
                Turn::Live => (epoch + 2) | 1,
            })
        };
        let _ = self.epoch.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
    }
}
