//! Tests of lifetimes.

use super::{LONG, Store, Suite, answer, keeps, new};
use crate::store::Record;
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(900);
/// Exceeds what is left of `SHORT`, but not one second in total: detects rounded-up lifetimes.
const REST: Duration = Duration::from_millis(550);
const HALF: Duration = Duration::from_millis(400);
const GONE: &str = "an expired record disappears from every answer at once";
const REMAINING: &str = "a record has its remaining lifetime";
const LIVES: &str = "a record lives as long as requested";

impl<S: Store> Suite<S> {
    pub(super) async fn expiry(&self, pass: &impl AsyncFn(Duration)) {
        self.at_once().await;
        let owner = &self.key("of mortals");
        let key = |name: &str| self.key(&format!("mortal {name}"));
        let [short, long, shortened, lengthened, freed, bound] =
            &["short", "long", "shortened", "lengthened", "freed", "bound"].map(key);
        let mortal = |ttl| new(b"1").expires_after(ttl).owned_by(owner);

        // Replaced first, so that the lifetimes under test have just begun.
        for (key, inserted, replaced) in [
            (shortened, mortal(LONG), Some(SHORT)),
            (bound, new(b"1").owned_by(owner), Some(SHORT)),
            (lengthened, mortal(SHORT), Some(LONG)),
            (freed, mortal(SHORT), None),
        ] {
            let version = self.insert(key, inserted).await;
            self.replace(key, version, b"2", replaced).await;
        }
        self.insert(long, mortal(LONG)).await;
        let dead = self.insert(short, mortal(SHORT)).await;

        let left = |record: Option<Record>| record.and_then(|r| r.ttl());
        let before = left(self.read(long).await);
        let plausible = |ttl| ttl <= LONG && ttl + Duration::from_secs(60) > LONG;
        keeps(before.is_some_and(plausible), REMAINING, &format!("{before:?} of {LONG:?}"));
        pass(HALF).await;
        let after = left(self.read(long).await);
        // A backend may round to a millisecond.
        let passed = HALF - Duration::from_millis(2);
        let seen = format!("{before:?}, and {HALF:?} later {after:?}");
        keeps(after.zip(before).is_some_and(|(a, b)| a + passed <= b), REMAINING, &seen);

        pass(REST).await;
        self.is_gone(short, GONE, "get returns a record that was inserted").await;
        self.is_gone(shortened, GONE, "get returns one replaced with a shorter lifetime").await;
        self.is_gone(bound, GONE, "get returns one that was replaced with its first lifetime")
            .await;
        for (what, key) in [
            ("the lifetime given to replace applies", lengthened),
            ("replace without a lifetime removes it", freed),
            (LIVES, long),
        ] {
            keeps(self.read(key).await.is_some(), what, "it is gone");
        }
        let ttl = left(self.read(freed).await);
        keeps(ttl.is_none(), "replace without a lifetime removes it", "get returns one");

        self.lists(owner, &[long, lengthened, freed], GONE).await;
        self.counts(owner, &[(b"", 3), (b"1", 1), (b"2", 2)]).await;
        let replaced = self.try_replace(short, dead, b"3").await;
        keeps(replaced.is_none(), GONE, "replace returns a version");
        self.is_gone(short, GONE, "replace restores it").await;
        keeps(!self.remove(shortened).await, GONE, "remove returns true");
        let inserted = answer(self.first.insert(short, new(b"4")).await, "insert");
        let seen = format!("insert in its place returns {inserted:?}, the old version was {dead}");
        keeps(inserted.is_some_and(|version| version != dead), GONE, &seen);

        answer(self.first.purge().await, "purge");
        let mut left = Vec::new();
        for key in [long, lengthened, freed, short, bound] {
            left.push(self.read(key).await.is_some());
        }
        let promise = "purge removes expired records and no others";
        keeps(left == [true, true, true, true, false], promise, &format!("{left:?}"));
        let removed = self.remove_owned(owner).await;
        keeps(
            removed == 3 && self.read(short).await.is_some(),
            GONE,
            &format!("remove_owned removed {removed} of 3, or the successor of an expired record"),
        );
        self.remove(short).await;
    }

    async fn at_once(&self) {
        let key = &self.key("young");
        let version = self.insert(key, new(b"").expires_after(SHORT)).await;
        let mortal = async || self.read(key).await.is_some_and(|r| r.ttl().is_some());
        let inserted = mortal().await;
        let replaced = self.first.replace(key, version, vec![], Some(SHORT));
        let replaced = answer(replaced.await, "replace").is_some();
        let promise = "a record lives as long as requested, even less than a second";
        let seen = "it is gone at once, or has no lifetime";
        keeps(inserted && replaced && mortal().await, promise, seen);
        self.remove(key).await;

        let key = &self.key("stillborn");
        self.insert(key, new(b"").expires_after(Duration::ZERO)).await;
        self.is_gone(key, GONE, "a record inserted with a zero lifetime can be read").await;
        let version = self.insert(key, new(b"").expires_after(Duration::MAX)).await;
        let seen = "a record with the maximum lifetime is gone";
        keeps(self.read(key).await.is_some(), LIVES, seen);
        self.replace(key, version, b"", Some(Duration::ZERO)).await;
        self.is_gone(key, GONE, "a record replaced with a zero lifetime can be read").await;
    }
}
