//! Tests of insert, replace, remove and get on one record.

use super::{LONG, Store, Suite, answer, keeps, new};
use std::collections::HashSet;

impl<S: Store> Suite<S> {
    pub(super) async fn one_record(&self) {
        let key = &self.key("one record");
        keeps(
            self.read(key).await.is_none(),
            "get returns None if the key has no record",
            "it returned one before the first insert",
        );
        let removed = answer(self.first.remove(key).await, "remove");
        keeps(!removed, "remove says if a record existed", "it said yes");
        let replaced =
            answer(self.first.replace(key, 0, vec![], None).await, "replace without a record");
        keeps(
            replaced.is_none() && self.read(key).await.is_none(),
            "replace does not insert",
            "it created a record",
        );

        let version = self.insert(key, new(b"first")).await;
        let read = self.read(key).await;
        keeps(
            read.as_ref().is_some_and(|r| r.value() == b"first"),
            "get returns the inserted value",
            &format!("{read:?}"),
        );
        keeps(
            read.is_some_and(|r| r.version() == version && r.ttl().is_none()),
            "get returns the version that insert returned, and no lifetime if none was given",
            "another version, or a lifetime",
        );

        let again = answer(self.first.insert(key, new(b"second")).await, "insert");
        keeps(
            again.is_none(),
            "insert returns None if the key has a record",
            "it returned a version",
        );
        let value = self.read(key).await.map(|r| r.value().to_vec());
        keeps(
            value.as_deref() == Some(b"first"),
            "insert does not change an existing record",
            &format!("{value:?}"),
        );

        let next = self.replace(key, version, b"third", None).await;
        keeps(next != version, "a version changes with each write", "replace kept it");
        let read = self.read(key).await;
        keeps(
            read.as_ref().is_some_and(|r| (r.value(), r.version()) == (b"third", next)),
            "get returns the replaced value",
            &format!("{read:?}"),
        );
        for wrong in [version, next.wrapping_add(1), 0] {
            let replaced = self.first.replace(key, wrong, b"wrong".to_vec(), None);
            let replaced = answer(replaced.await, "replace of another version");
            let value = self.read(key).await.map(|r| r.value().to_vec());
            keeps(
                replaced.is_none() && value.as_deref() == Some(b"third"),
                "replace changes only a record with the given version",
                &format!("{replaced:?}, the record now holds {value:?}"),
            );
        }

        let removed = answer(self.first.remove(key).await, "remove");
        keeps(removed, "remove says if a record existed", "it said no");
        keeps(self.read(key).await.is_none(), "a removed record is gone", "get still returns it");
        let replaced = self.first.replace(key, next, b"fourth".to_vec(), None);
        let replaced = answer(replaced.await, "replace of a removed record");
        keeps(
            replaced.is_none() && self.read(key).await.is_none(),
            "replace does not restore a removed record",
            "it did",
        );
        let removed = answer(self.first.remove(key).await, "remove");
        keeps(!removed, "remove says if a record existed", "it said yes");
    }

    pub(super) async fn values(&self) {
        let every_byte: Vec<u8> = (0..=255).collect();
        let large: Vec<u8> =
            (0..1 << 20).map(|number: u32| number.to_le_bytes()[(number % 3) as usize]).collect();
        for (name, value) in
            [("an empty value", vec![]), ("every byte", every_byte), ("1 MiB", large)]
        {
            let key = &self.key(name);
            let version = self.insert(key, new(&value).expires_after(LONG)).await;
            let read = self.read(key).await;
            keeps(
                read.is_some_and(|r| r.value() == value),
                "a value is returned as inserted",
                name,
            );
            self.replace(key, version, &value, Some(LONG)).await;
            let read = self.read(key).await;
            keeps(
                read.is_some_and(|r| r.value() == value),
                "a value is returned as replaced",
                name,
            );
            answer(self.first.remove(key).await, "remove");
        }
    }

    pub(super) async fn versions(&self) {
        let key = &self.key("versions");
        let mut seen = HashSet::new();
        for _ in 0..10 {
            let inserted = self.insert(key, new(b"1")).await;
            let replaced = self.replace(key, inserted, b"2", None).await;
            keeps(
                seen.insert(inserted) && seen.insert(replaced),
                "a version is never reused for its key",
                &format!("{inserted} or {replaced} was used twice"),
            );
            answer(self.first.remove(key).await, "remove");
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
            "two handles write to one store",
            &format!("the second's insert gave {insert:?}, its replaces {wrong:?} and {right:?}"),
        );
        let late = self.first.replace(key, version, b"late".to_vec(), None);
        let late = answer(late.await, "replace");
        keeps(
            late.is_none(),
            "replace changes only a record with the given version",
            "another handle had replaced it",
        );
        let removed = answer(self.second.remove(key).await, "remove");
        let again = answer(self.first.remove(key).await, "remove");
        keeps(
            removed && !again,
            "two handles write to one store",
            "the first still had the record that the second removed",
        );
    }
}
