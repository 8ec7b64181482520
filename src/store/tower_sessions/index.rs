//! An index of an owner's keys, which tower-sessions does not have.

use super::backend::Data;
use super::entry::{damaged, moment, read_moment};
use crate::core::error::Error;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// The keys of one owner's records: all live ones, and some that are gone.
#[derive(Default)]
pub(super) struct Index {
    pub(super) keys: BTreeSet<String>,
    /// Unix time, not before the last of the records expires.
    pub(super) until: Option<Duration>,
}

impl Index {
    /// Adds a key; returns whether that changes the index.
    pub(super) fn enter(&mut self, key: &str, until: Option<Duration>, now: Duration) -> bool {
        let lasts = match (self.until, until) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(until)) => until <= own,
        };
        if self.keys.contains(key) && lasts {
            return false;
        }
        if !lasts || self.keys.is_empty() {
            // Twice the lifetime, so that not every longer-lived record is a write here.
            self.until = until.map(|until| until.saturating_add(until.saturating_sub(now)));
        }
        self.keys.insert(key.to_owned());
        true
    }

    pub(super) fn encode(&self, owner: &str) -> Data {
        let keys: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        Data::from([
            ("owner".to_owned(), Value::from(owner)),
            ("keys".to_owned(), Value::from(keys)),
            ("until".to_owned(), moment(self.until)),
        ])
    }

    pub(super) fn decode(data: &Data, owner: &str) -> Result<Self, Error> {
        if data.get("owner").and_then(Value::as_str) != Some(owner) {
            return Err(damaged());
        }
        let keys = data.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or_else(damaged)?.iter().map(|key| match key {
            Value::String(key) => Ok(key.clone()),
            _ => Err(damaged()),
        });
        Ok(Self { keys: keys.collect::<Result<_, _>>()?, until: read_moment(data.get("until"))? })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn the_index_outlives_its_records_and_is_seldom_written() {
        let now = Duration::from_secs(1000);
        let mut index = Index::default();
        assert!(index.enter("a", at(1100), now));
        assert_eq!(index.until, at(1200));
        assert!(!index.enter("a", at(1200), now));
        assert!(index.enter("b", at(1050), now));
        assert_eq!(index.until, at(1200));
        assert!(index.enter("a", at(1300), now));
        assert_eq!(index.until, at(1600));
        assert!(index.enter("a", None, now));
        assert_eq!(index.until, None);
        assert!(!index.enter("b", at(9999), now));
        let back = Index::decode(&index.encode("ann"), "ann").unwrap();
        assert_eq!((back.keys, back.until), (index.keys.clone(), None));
        assert!(Index::decode(&index.encode("ann"), "bob").is_err());
    }
}
