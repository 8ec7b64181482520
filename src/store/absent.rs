//! The bound on keys without a record in a [`Near`](super::Near) cache.

use std::collections::VecDeque;
use std::sync::Arc;

/// The copies that say "no record", oldest first, up to a number of bytes.
///
/// Any client can send ids that it invented: without a separate bound, such copies would evict
/// records from the cache.
pub(super) struct Absent<C> {
    copies: VecDeque<(Arc<str>, Arc<C>)>,
    bytes: u64,
    max_bytes: u64,
}

impl<C> Absent<C> {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self {
            copies: VecDeque::new(),
            bytes: 0,
            max_bytes,
        }
    }

    /// Adds a copy and returns the evicted ones: the oldest, or the new one if it does not fit.
    pub(super) fn add(
        &mut self,
        key: Arc<str>,
        copy: Arc<C>,
        weight: impl Fn(&str) -> u32,
    ) -> Vec<(Arc<str>, Arc<C>)> {
        self.bytes += u64::from(weight(&key));
        self.copies.push_back((key, copy));
        let mut displaced = Vec::new();
        while self.bytes > self.max_bytes
            && let Some((key, copy)) = self.copies.pop_front()
        {
            self.bytes -= u64::from(weight(&key));
            displaced.push((key, copy));
        }
        displaced
    }

    pub(super) fn clear(&mut self) {
        self.copies = VecDeque::new();
        self.bytes = 0;
    }
}
