//! Lifetimes.

use super::{LONG, Store, Suite, answer, keeps, new};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(900);
/// Lets pass what `SHORT` left, and not a whole second in all: a lifetime rounded up is seen.
const REST: Duration = Duration::from_millis(550);
const HALF: Duration = Duration::from_millis(400);
const GONE: &str = "what expired is gone from every answer at once";

impl<S: Store> Suite<S> {
    pub(super) async fn expiry(&self, pass: &impl AsyncFn(Duration)) {
        self.at_once().await;
        let owner = &self.key("of mortals");
        let key = |name: &str| self.key(&format!("mortal {name}"));
        let [short, long, shortened, lengthened, freed, bound] =
            &["short", "long", "shortened", "lengthened", "freed", "bound"].map(key);
        let mortal = |ttl| new(b"1").expires_after(ttl).owned_by(owner);

        // Replaced first, so that the lifetimes that are looked at are young.
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
            "a record says what is left of its lifetime",
            &format!("{before:?} of {LONG:?}"),
        );
        pass(HALF).await;
        let after = left(self.read(long).await);
        // Rounding is a backend's own: to a millisecond.
        let passed = HALF - Duration::from_millis(2);
        keeps(
            after.zip(before).is_some_and(|(a, b)| a + passed <= b),
            "a record says what is left of its lifetime",
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
                &format!("get gives a record that was {what}"),
            );
        }
        for (what, key) in [
            ("the lifetime that replace gave counts", lengthened),
            ("replace without a lifetime takes it away", freed),
            ("a record lives as long as it was given", long),
        ] {
            keeps(self.read(key).await.is_some(), what, "it is gone");
        }
        keeps(
            left(self.read(freed).await).is_none(),
            "replace without a lifetime takes it away",
            "get gives one",
        );

        let mut living = [long, lengthened, freed].map(String::clone);
        living.sort();
        let listed = self.owned(owner).await;
        keeps(listed == living, GONE, &format!("owned gives {listed:?}"));
        let replaced = self.first.replace(short, dead, b"3".to_vec(), None);
        let replaced = answer(replaced.await, "replace of an expired record");
        keeps(
            replaced.is_none() && self.read(short).await.is_none(),
            GONE,
            "replace brings it back",
        );
        let removed = answer(self.first.remove(shortened).await, "remove");
        keeps(!removed, GONE, "remove says that there was one");
        let inserted = answer(self.first.insert(short, new(b"4")).await, "insert");
        keeps(
            inserted.is_some_and(|version| version != dead),
            GONE,
            &format!("insert in its place gives {inserted:?}, the old version was {dead}"),
        );

        answer(self.first.purge().await, "purge");
        let mut left = Vec::new();
        for key in [long, lengthened, freed, short] {
            left.push(self.read(key).await.is_some());
        }
        keeps(
            left == [true; 4] && self.read(bound).await.is_none(),
            "purge frees what expired and nothing else",
            &format!("{left:?}"),
        );
        let removed = answer(self.first.remove_owned(owner).await, "remove_owned");
        keeps(
            removed == 3 && self.read(short).await.is_some(),
            GONE,
            &format!("remove_owned removed {removed} of 3, or what is in an expired one's place"),
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
            "a record lives as long as it was given, less than a second too",
            "it is gone at once, or has no lifetime",
        );
        answer(self.first.remove(key).await, "remove");

        let key = &self.key("stillborn");
        self.insert(key, new(b"").expires_after(Duration::ZERO))
            .await;
        keeps(
            self.read(key).await.is_none(),
            GONE,
            "a record inserted without any time to live can be read",
        );
        let version = self
            .insert(key, new(b"").expires_after(Duration::MAX))
            .await;
        keeps(
            self.read(key).await.is_some(),
            "a record lives as long as it was given",
            "one of the longest time that can be said is gone",
        );
        self.replace(key, version, b"", Some(Duration::ZERO)).await;
        keeps(
            self.read(key).await.is_none(),
            GONE,
            "a record replaced without any time to live can be read",
        );
    }
}
