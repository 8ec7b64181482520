//! Tests of owned, count_owned and remove_owned.

use super::texts::ODD;
use super::{LONG, Store, Suite, answer, keeps, new};

const OWNED: &str = "owned returns the keys and records of an owner";
const COUNTED: &str = "count_owned counts an owner's records whose values begin with the prefix";
const REMOVED: &str = "remove_owned removes an owner's records and returns how many";
const ONLY_THEIRS: &str = "remove_owned removes only the owner's records";
const ANY_TEXT: &str = "an owner is any text";

impl<S: Store> Suite<S> {
    pub(super) async fn owners(&self) {
        self.a_life_with_an_owner().await;
        self.odd_owners().await;
        self.many_records().await;
    }

    async fn a_life_with_an_owner(&self) {
        let [ann, bob, key, free] =
            &["ann", "bob", "owned", "without owner"].map(|name| self.key(name));
        self.insert(free, new(b"1")).await;
        let version = self.insert(key, new(b"1").owned_by(ann)).await;
        let listed = answer(self.first.owned(ann).await, "owned");
        let same = match listed.as_slice() {
            [(listed, record)] => {
                listed == key && (record.value(), record.version()) == (b"1", version)
            }
            _ => false,
        };
        keeps(same, OWNED, &format!("{listed:?}"));
        self.lists(bob, &[], "owned returns only the owner's records").await;
        self.counts(ann, &[(b"", 1), (b"1", 1), (b"2", 0), (b"1\0", 0)]).await;
        self.counts(bob, &[(b"", 0)]).await;

        self.replace(key, version, b"2", Some(LONG)).await;
        let listed = answer(self.first.owned(ann).await, "owned");
        keeps(
            listed.len() == 1 && listed[0].1.value() == b"2" && listed[0].1.ttl().is_some(),
            "a replaced record keeps its owner, and is listed as replaced",
            &format!("{listed:?}"),
        );
        self.counts(ann, &[(b"1", 0), (b"2", 1)]).await;
        let refused = answer(self.first.insert(key, new(b"").owned_by(bob)).await, "insert");
        let promise = "an insert that returns None changes no owner";
        keeps(refused.is_none(), promise, "it returned a version");
        self.lists(bob, &[], promise).await;

        self.remove(key).await;
        self.lists(ann, &[], "a removed record has no owner").await;
        self.counts(ann, &[(b"", 0)]).await;
        self.insert(key, new(b"3").owned_by(bob)).await;
        keeps(self.remove_owned(ann).await == 0, ONLY_THEIRS, "it counted another's");
        let seen = "it removed a record that now has another owner";
        keeps(self.read(key).await.is_some(), ONLY_THEIRS, seen);
        let removed = self.remove_owned(bob).await;
        keeps(removed == 1, REMOVED, &format!("it returned {removed}"));
        self.is_gone(key, REMOVED, "get still returns it").await;
        self.lists(bob, &[], REMOVED).await;
        keeps(self.remove_owned(bob).await == 0, REMOVED, "it counted removed records");
        let seen = "it removed a record without an owner";
        keeps(self.read(free).await.is_some(), ONLY_THEIRS, seen);
        self.remove(free).await;
    }

    async fn odd_owners(&self) {
        let long = "o".repeat(10 * 1024);
        let mut owners: Vec<String> = ODD.iter().map(|odd| self.key(odd)).collect();
        owners.extend([self.key(&long), self.key(&format!("{long}x"))]);
        let key = |at: usize| self.key(&format!("of owner {at}"));
        for (at, owner) in owners.iter().enumerate() {
            self.insert(&key(at), new(b"").owned_by(owner)).await;
        }
        for (at, owner) in owners.iter().enumerate() {
            self.lists(owner, &[&key(at)], ANY_TEXT).await;
            self.counts(owner, &[(b"", 1)]).await;
        }
        for (at, owner) in owners.iter().enumerate() {
            let removed = self.remove_owned(owner).await;
            let next = at + 1 == owners.len() || self.read(&key(at + 1)).await.is_some();
            let seen = format!("{owner:.80?}: it removed {removed}, or another owner's record");
            keeps(removed == 1 && next, ANY_TEXT, &seen);
            self.is_gone(&key(at), ANY_TEXT, &seen).await;
        }
        // The empty text is an owner too, unlike no owner.
        let (theirs, free) = (&self.key("the empty owner's"), &self.key("free"));
        self.insert(theirs, new(b"").owned_by("")).await;
        self.insert(free, new(b"")).await;
        let listed = self.owned("").await;
        self.remove_owned("").await;
        let seen = "the empty owner is confused with no owner";
        keeps(listed.contains(theirs) && !listed.contains(free), ANY_TEXT, seen);
        self.is_gone(theirs, ANY_TEXT, seen).await;
        keeps(self.read(free).await.is_some(), ANY_TEXT, seen);
        self.remove(free).await;
    }

    async fn many_records(&self) {
        const MANY: usize = 300;
        let owner = &self.key("many");
        let mut keys: Vec<String> = (0..MANY).map(|n| self.key(&format!("many {n}"))).collect();
        keys.sort();
        for key in &keys {
            let record = new(key.as_bytes()).owned_by(owner).expires_after(LONG);
            self.insert(key, record).await;
        }
        let listed = self.owned(owner).await;
        let seen = format!("{} of {MANY}", listed.len());
        keeps(listed == keys, "owned returns every record of an owner", &seen);
        self.counts(owner, &[(self.run.as_bytes(), MANY as u64)]).await;
        let removed = self.remove_owned(owner).await;
        let left = self.owned(owner).await.len();
        let mut readable = 0;
        for key in &keys {
            readable += usize::from(self.read(key).await.is_some());
        }
        keeps(
            removed == MANY as u64 && left == 0 && readable == 0,
            "remove_owned removes every record of an owner",
            &format!("it returned {removed} of {MANY}, {left} are listed, {readable} can be read"),
        );
    }

    /// Checks the counts of an owner's records by prefix of their values.
    pub(super) async fn counts(&self, owner: &str, expected: &[(&[u8], u64)]) {
        for (prefix, expected) in expected {
            let counted = answer(self.first.count_owned(owner, prefix).await, "count_owned");
            let seen = format!("{counted} instead of {expected} of {owner:.80?} with {prefix:?}");
            keeps(counted == *expected, COUNTED, &seen);
        }
    }
}
