//! Tests of lifetimes.

use super::{LONG, Store, Suite, answer, keeps, new};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(900);
/// Exceeds what is left of `SHORT`, but not one second in total: detects rounded-up lifetimes.
const REST: Duration = Duration::from_millis(550);
const HALF: Duration = Duration::from_millis(400);
const GONE: &str = "an expired record disappears from every answer at once";

impl<S: Store> Suite<S> {
    pub(super) async fn expiry(&self, pass: &impl AsyncFn(Duration)) {
        self.at_once().await;
        let owner = &self.key("of mortals");
        let key = |name: &str| self.key(&format!("mortal {name}"));
        let [short, long, shortened, lengthened, freed, bound] =
            &["short", "long", "shortened", "lengthened", "freed", "bound"].map(key);
        let mortal = |ttl| new(b"1").expires_after(ttl).owned_by(owner);

        // Replaced first, so that the lifetimes under test have just begun.
        let version = self.insert(shortened, mortal(LONG)).await;
        self.replace(shortened, version, b"2", Some(SHORT)).await;
        let version = self.insert(bound, new(b"1").owned_by(owner)).await;
        self.replace(bound, version, b"2", Some(SHORT)).await;
        let version = self.insert(lengthened, mortal(SHORT)).await;
        self.replace(lengthened, version, b"2", Some(LONG)).await;
        let version = self.insert(freed, mortal(SHORT)).await;
        self.replace(freed, version, b"2", None).await;
        self.insert(long, mortal(LONG)).await;
        let dead = self.insert(short, mortal(SHORT)).await;

        let left = |record: Option<crate::store::Record>| record.and_then(|r| r.ttl());
        let before = left(self.read(long).await);
        keeps(
            before.is_some_and(|ttl| ttl <= LONG && ttl + Duration::from_secs(60) > LONG),
            "a record has its remaining lifetime",
            &format!("{before:?} of {LONG:?}"),
        );
        pass(HALF).await;
        let after = left(self.read(long).await);
        // A backend may round to a millisecond.
        let passed = HALF - Duration::from_millis(2);
        keeps(
            after.zip(before).is_some_and(|(a, b)| a + passed <= b),
            "a record has its remaining lifetime",
            &format!("{before:?}, and {HALF:?} later {after:?}"),
        );

        pass(REST).await;
        for (what, key) in [
            ("inserted", short),
            ("replaced with a shorter lifetime", shortened),
            ("replaced with a lifetime where it had none", bound),
        ] {
            keeps(
                self.read(key).await.is_none(),
                GONE,
                &format!("get returns a record that was {what}"),
            );
        }
        for (what, key) in [
            ("the lifetime given to replace applies", lengthened),
            ("replace without a lifetime removes it", freed),
            ("a record lives as long as requested", long),
        ] {
            keeps(self.read(key).await.is_some(), what, "it is gone");
        }
        keeps(
            left(self.read(freed).await).is_none(),
            "replace without a lifetime removes it",
            "get returns one",
        );

        let mut living = [long, lengthened, freed].map(String::clone);
        living.sort();
        let listed = self.owned(owner).await;
        keeps(listed == living, GONE, &format!("owned returns {listed:?}"));
        let replaced = self.first.replace(short, dead, b"3".to_vec(), None);
        let replaced = answer(replaced.await, "replace of an expired record");
        keeps(replaced.is_none() && self.read(short).await.is_none(), GONE, "replace restores it");
        let removed = answer(self.first.remove(shortened).await, "remove");
        keeps(!removed, GONE, "remove returns true");
        let inserted = answer(self.first.insert(short, new(b"4")).await, "insert");
        keeps(
            inserted.is_some_and(|version| version != dead),
            GONE,
            &format!("insert in its place returns {inserted:?}, the old version was {dead}"),
        );

        answer(self.first.purge().await, "purge");
        let mut left = Vec::new();
        for key in [long, lengthened, freed, short] {
            left.push(self.read(key).await.is_some());
        }
        keeps(
            left == [true; 4] && self.read(bound).await.is_none(),
            "purge removes expired records and no others",
            &format!("{left:?}"),
        );
        let removed = answer(self.first.remove_owned(owner).await, "remove_owned");
        keeps(
            removed == 3 && self.read(short).await.is_some(),
            GONE,
            &format!("remove_owned removed {removed} of 3, or the successor of an expired record"),
        );
        answer(self.first.remove(short).await, "remove");
    }

    async fn at_once(&self) {
        let key = &self.key("young");
        let version = self.insert(key, new(b"").expires_after(SHORT)).await;
        let inserted = self.read(key).await.is_some_and(|r| r.ttl().is_some());
        let replaced = self.first.replace(key, version, vec![], Some(SHORT));
        let replaced = answer(replaced.await, "replace").is_some();
        keeps(
            inserted && replaced && self.read(key).await.is_some_and(|r| r.ttl().is_some()),
            "a record lives as long as requested, even less than a second",
            "it is gone at once, or has no lifetime",
        );
        answer(self.first.remove(key).await, "remove");

        let key = &self.key("stillborn");
        self.insert(key, new(b"").expires_after(Duration::ZERO)).await;
        keeps(
            self.read(key).await.is_none(),
            GONE,
            "a record inserted with a zero lifetime can be read",
        );
        let version = self.insert(key, new(b"").expires_after(Duration::MAX)).await;
        keeps(
            self.read(key).await.is_some(),
            "a record lives as long as requested",
            "a record with the maximum lifetime is gone",
        );
        self.replace(key, version, b"", Some(Duration::ZERO)).await;
        keeps(
            self.read(key).await.is_none(),
            GONE,
            "a record replaced with a zero lifetime can be read",
        );
    }
}
