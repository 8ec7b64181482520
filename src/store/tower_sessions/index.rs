//! An index of an owner's keys, which tower-sessions does not have.

use super::backend::Data;
use super::entry::{damaged, decode, encode};
use crate::core::Error;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The keys of one owner's records: all live ones, and some that are gone.
#[derive(Deserialize, Serialize)]
pub(super) struct Index {
    owner: String,
    pub(super) keys: BTreeSet<String>,
    /// Unix milliseconds, not before the last of the records expires.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) until: Option<u64>,
}

impl Index {
    pub(super) fn of(owner: &str) -> Self {
        Self { owner: owner.to_owned(), keys: BTreeSet::new(), until: None }
    }

    /// Adds a key; returns whether that changes the index.
    pub(super) fn enter(&mut self, key: &str, until: Option<u64>, now: u64) -> bool {
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

    pub(super) fn encode(&self) -> Data {
        encode(self)
    }

    pub(super) fn decode(data: Data, owner: &str) -> Result<Self, Error> {
        decode(data).ok().filter(|index: &Self| index.owner == owner).ok_or_else(damaged)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_index_outlives_its_records_and_is_seldom_written() {
        let now = 1000;
        let mut index = Index::of("ann");
        assert!(index.enter("a", Some(1100), now));
        assert_eq!(index.until, Some(1200));
        assert!(!index.enter("a", Some(1200), now));
        assert!(index.enter("b", Some(1050), now));
        assert_eq!(index.until, Some(1200));
        assert!(index.enter("a", Some(1300), now));
        assert_eq!(index.until, Some(1600));
        assert!(index.enter("a", None, now));
        assert_eq!(index.until, None);
        assert!(!index.enter("b", Some(9999), now));
        let back = Index::decode(index.encode(), "ann").unwrap();
        assert_eq!((back.keys, back.until), (index.keys.clone(), None));
        assert!(Index::decode(index.encode(), "bob").is_err());
    }
}
