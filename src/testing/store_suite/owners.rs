//! Tests of owned and remove_owned.

use super::texts::ODD;
use super::{LONG, Store, Suite, answer, keeps, new};

impl<S: Store> Suite<S> {
    pub(super) async fn owners(&self) {
        self.a_life_with_an_owner().await;
        self.odd_owners().await;
        self.many_records().await;
    }

    async fn a_life_with_an_owner(&self) {
        let (ann, bob) = (&self.key("ann"), &self.key("bob"));
        let key = &self.key("owned");
        let free = &self.key("without owner");
        self.insert(free, new(b"")).await;
        let version = self.insert(key, new(b"1").owned_by(ann)).await;
        let listed = answer(self.first.owned(ann).await, "owned");
        keeps(
            listed.len() == 1
                && listed[0].0 == *key
                && (listed[0].1.value(), listed[0].1.version()) == (b"1", version),
            "owned returns the keys and records of an owner",
            &format!("{listed:?}"),
        );
        keeps(
            self.owned(bob).await.is_empty(),
            "owned returns only the owner's records",
            "it returned another owner's record",
        );

        self.replace(key, version, b"2", Some(LONG)).await;
        let listed = answer(self.first.owned(ann).await, "owned");
        keeps(
            listed.len() == 1 && listed[0].1.value() == b"2" && listed[0].1.ttl().is_some(),
            "a replaced record keeps its owner, and is listed as replaced",
            &format!("{listed:?}"),
        );
        let refused = self.first.insert(key, new(b"").owned_by(bob));
        let refused = answer(refused.await, "insert");
        keeps(
            refused.is_none() && self.owned(bob).await.is_empty(),
            "an insert that returns None changes no owner",
            "the record is listed as another's",
        );

        answer(self.first.remove(key).await, "remove");
        keeps(
            self.owned(ann).await.is_empty(),
            "a removed record has no owner",
            "its owner still lists it",
        );
        self.insert(key, new(b"3").owned_by(bob)).await;
        let removed = answer(self.first.remove_owned(ann).await, "remove_owned");
        keeps(
            removed == 0 && self.read(key).await.is_some(),
            "remove_owned removes only the owner's records",
            "it removed a record that now has another owner",
        );
        let removed = answer(self.first.remove_owned(bob).await, "remove_owned");
        let gone = self.read(key).await.is_none() && self.owned(bob).await.is_empty();
        keeps(
            removed == 1 && gone,
            "remove_owned removes an owner's records and returns how many",
            &format!("it returned {removed}, gone: {gone}"),
        );
        let removed = answer(self.first.remove_owned(bob).await, "remove_owned");
        keeps(
            removed == 0,
            "remove_owned removes an owner's records and returns how many",
            "it counted removed records",
        );
        keeps(
            self.read(free).await.is_some(),
            "remove_owned removes only the owner's records",
            "it removed a record without an owner",
        );
        answer(self.first.remove(free).await, "remove");
    }

    async fn odd_owners(&self) {
        let long = "o".repeat(10 * 1024);
        let longer = format!("{long}x");
        let mut owners: Vec<String> = ODD.iter().map(|odd| self.key(odd)).collect();
        owners.extend([self.key(&long), self.key(&longer)]);
        let key = |at: usize| self.key(&format!("of owner {at}"));
        for (at, owner) in owners.iter().enumerate() {
            self.insert(&key(at), new(b"").owned_by(owner)).await;
        }
        for (at, owner) in owners.iter().enumerate() {
            let listed = self.owned(owner).await;
            keeps(
                listed == [key(at)],
                "an owner is any text",
                &format!("{owner:.80?} lists {listed:?}"),
            );
        }
        for (at, owner) in owners.iter().enumerate() {
            let removed = answer(self.first.remove_owned(owner).await, "remove_owned");
            let next = match owners.get(at + 1) {
                Some(_) => self.read(&key(at + 1)).await.is_some(),
                None => true,
            };
            keeps(
                removed == 1 && next && self.read(&key(at)).await.is_none(),
                "an owner is any text",
                &format!("{owner:.80?}: it removed {removed}, or another owner's record"),
            );
        }
        // The empty text is an owner too, unlike no owner.
        let (theirs, free) = (&self.key("the empty owner's"), &self.key("free"));
        self.insert(theirs, new(b"").owned_by("")).await;
        self.insert(free, new(b"")).await;
        let listed = self.owned("").await;
        answer(self.first.remove_owned("").await, "remove_owned");
        keeps(
            listed.contains(theirs)
                && !listed.contains(free)
                && self.read(theirs).await.is_none()
                && self.read(free).await.is_some(),
            "an owner is any text",
            "the empty owner is confused with no owner",
        );
        answer(self.first.remove(free).await, "remove");
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
        keeps(
            listed == keys,
            "owned returns every record of an owner",
            &format!("{} of {MANY}", listed.len()),
        );
        let removed = answer(self.first.remove_owned(owner).await, "remove_owned");
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
}
