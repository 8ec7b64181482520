//! Tests of insert, replace, remove and get on one record.

use super::{LONG, Store, Suite, answer, keeps, new};
use std::collections::HashSet;

const OTHER_VERSION: &str = "replace changes only a record with the given version";
const REMOVED: &str = "remove says if a record existed";
const HANDLES: &str = "two handles write to one store";

impl<S: Store> Suite<S> {
    pub(super) async fn one_record(&self) {
        let key = &self.key("one record");
        self.is_gone(key, "get returns None if the key has no record", "a new key").await;
        keeps(!self.remove(key).await, REMOVED, "it said yes");
        let replaced = self.try_replace(key, 0, b"").await;
        keeps(replaced.is_none(), "replace does not insert", "it returned a version");
        self.is_gone(key, "replace does not insert", "it created a record").await;

        let version = self.insert(key, new(b"first")).await;
        self.holds(key, b"first", "get returns the inserted value").await;
        let promise =
            "get returns the version that insert returned, and no lifetime if none was given";
        let read = self.read(key).await;
        let kept = read.is_some_and(|r| r.version() == version && r.ttl().is_none());
        keeps(kept, promise, "another version, or a lifetime");

        let again = answer(self.first.insert(key, new(b"second")).await, "insert");
        let promise = "insert returns None if the key has a record";
        keeps(again.is_none(), promise, "it returned a version");
        self.holds(key, b"first", "insert does not change an existing record").await;

        let next = self.replace(key, version, b"third", None).await;
        keeps(next != version, "a version changes with each write", "replace kept it");
        self.holds(key, b"third", "get returns the replaced value").await;
        let read = self.read(key).await.map(|r| r.version());
        keeps(read == Some(next), "get returns the replaced value", "with another version");
        for wrong in [version, next.wrapping_add(1), 0] {
            let replaced = self.try_replace(key, wrong, b"wrong").await;
            keeps(replaced.is_none(), OTHER_VERSION, "it returned a version");
            self.holds(key, b"third", OTHER_VERSION).await;
        }

        keeps(self.remove(key).await, REMOVED, "it said no");
        self.is_gone(key, "a removed record is gone", "get still returns it").await;
        let replaced = self.try_replace(key, next, b"fourth").await;
        let promise = "replace does not restore a removed record";
        keeps(replaced.is_none(), promise, "it returned a version");
        self.is_gone(key, promise, "it did").await;
        keeps(!self.remove(key).await, REMOVED, "it said yes");
    }

    pub(super) async fn values(&self) {
        let every_byte: Vec<u8> = (0..=255).collect();
        let large: Vec<u8> =
            (0..1 << 20).map(|number: u32| number.to_le_bytes()[(number % 3) as usize]).collect();
        for (name, value) in
            [("an empty value", vec![]), ("every byte", every_byte), ("1 MiB", large)]
        {
            let key = &self.key(name);
            let same = async |promise| {
                let read = self.read(key).await;
                keeps(read.is_some_and(|r| r.value() == value), promise, name);
            };
            let version = self.insert(key, new(&value).expires_after(LONG)).await;
            same("a value is returned as inserted").await;
            self.replace(key, version, &value, Some(LONG)).await;
            same("a value is returned as replaced").await;
            self.remove(key).await;
        }
    }

    pub(super) async fn versions(&self) {
        let key = &self.key("versions");
        let mut seen = HashSet::new();
        for _ in 0..10 {
            let inserted = self.insert(key, new(b"1")).await;
            let replaced = self.replace(key, inserted, b"2", None).await;
            let promise = "a version is never reused for its key";
            let twice = format!("{inserted} or {replaced} was used twice");
            keeps(seen.insert(inserted) && seen.insert(replaced), promise, &twice);
            self.remove(key).await;
        }
    }

    /// Each handle must respect the other handle's writes.
    pub(super) async fn handles(&self) {
        let key = &self.key("handles");
        let version = self.insert(key, new(b"first")).await;
        let insert = answer(self.second.insert(key, new(b"other")).await, "insert");
        let wrong = self.second.replace(key, version ^ 1, vec![], None);
        let wrong = answer(wrong.await, "replace");
        let right = self.second.replace(key, version, b"second".to_vec(), None);
        let right = answer(right.await, "replace");
        keeps(
            insert.is_none() && wrong.is_none() && right.is_some(),
            HANDLES,
            &format!("the second's insert gave {insert:?}, its replaces {wrong:?} and {right:?}"),
        );
        let late = self.try_replace(key, version, b"late").await;
        keeps(late.is_none(), OTHER_VERSION, "another handle had replaced it");
        let removed = answer(self.second.remove(key).await, "remove");
        let seen = "the first still had the record that the second removed";
        keeps(removed && !self.remove(key).await, HANDLES, seen);
    }
}
