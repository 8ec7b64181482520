//! The bound on keys without a record in a [`CachedStore`](super::CachedStore) cache.

use std::{collections::VecDeque, sync::Arc};

/// The copies that say "no record", oldest first, up to a number of bytes.
///
/// Any client can send ids that it invented: without a separate bound, such copies would evict
/// records from the cache.
///
/// Copies are known by number, so an evicted copy takes no memory here.
pub(super) struct Absent {
    copies: VecDeque<(Arc<str>, u64)>,
    bytes: u64,
    max_bytes: u64,
}

impl Absent {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self { copies: VecDeque::new(), bytes: 0, max_bytes }
    }

    /// Adds a copy and returns the evicted ones: the oldest, or the new one if it does not fit.
    pub(super) fn add(
        &mut self,
        key: Arc<str>,
        number: u64,
        weight: impl Fn(&str) -> u32,
    ) -> Vec<(Arc<str>, u64)> {
        self.bytes += u64::from(weight(&key));
        self.copies.push_back((key, number));
        let mut displaced = Vec::new();
        while self.bytes > self.max_bytes
            && let Some((key, number)) = self.copies.pop_front()
        {
            self.bytes -= u64::from(weight(&key));
            displaced.push((key, number));
        }
        displaced
    }

    pub(super) fn clear(&mut self) {
        self.copies = VecDeque::new();
        self.bytes = 0;
    }
}
