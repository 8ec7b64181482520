//! Records with an expiry and a bounded number.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// An expiring map with a maximum size; the oldest records are evicted first.
pub(super) struct Expiring<V> {
    records: HashMap<String, (V, Duration)>,
    /// Insertion order; may name records that were removed.
    order: VecDeque<String>,
    bound: usize,
}

impl<V> Expiring<V> {
    pub(super) fn new(bound: usize) -> Self {
        Self { records: HashMap::new(), order: VecDeque::new(), bound }
    }

    /// Stores a record until `expires`, in Unix time.
    pub(super) fn insert(&mut self, key: String, value: V, expires: Duration) {
        while self.order.len() >= self.bound
            && let Some(oldest) = self.order.pop_front()
        {
            self.records.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.records.insert(key, (value, expires));
    }

    pub(super) fn get(&self, key: &str, now: Duration) -> Option<&V> {
        let (value, expires) = self.records.get(key)?;
        (now < *expires).then_some(value)
    }

    pub(super) fn remove(&mut self, key: &str, now: Duration) -> Option<V> {
        let (value, expires) = self.records.remove(key)?;
        (now < expires).then_some(value)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.records.retain(|_, (value, _)| keep(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);
    const LATER: Duration = Duration::from_secs(101);

    #[test]
    fn a_record_expires_at_its_time() {
        let mut records = Expiring::new(8);
        records.insert("a".into(), 1, LATER);
        assert_eq!(records.get("a", NOW), Some(&1));
        assert_eq!(records.get("a", LATER), None);
        assert_eq!(records.remove("a", NOW), Some(1));
        assert_eq!(records.remove("a", NOW), None);
        records.insert("b".into(), 2, LATER);
        assert_eq!(records.remove("b", LATER), None);
    }

    #[test]
    fn the_oldest_records_are_evicted() {
        let mut records = Expiring::new(3);
        for number in 0..10_000 {
            records.insert(number.to_string(), number, LATER);
        }
        assert_eq!((records.records.len(), records.order.len()), (3, 3));
        assert_eq!(records.get("9999", NOW), Some(&9999));
        assert_eq!(records.get("9996", NOW), None);
    }
}
