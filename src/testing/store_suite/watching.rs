//! Tests of watchers.

use super::{SOON, Store, Suite, answer, broken, keeps, new};
use crate::core::lock;
use crate::store::{Change, Watcher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TOLD: &str = "a write is reported to the watchers before it returns";
const ELSEWHERE: &str = "another handle's write is reported to the watchers within a second";

/// The changes that a watcher received; `all` stands for every key.
#[derive(Default)]
struct Heard {
    live: bool,
    keys: Vec<String>,
    all: bool,
}

#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Heard>>);

impl Ear {
    fn with<T>(&self, look: impl FnOnce(&mut Heard) -> T) -> T {
        look(&mut lock(&self.0))
    }

    fn hear(&self, change: Change<'_>) {
        self.with(|heard| match change {
            Change::Key(key) => heard.keys.push(key.to_owned()),
            Change::All => heard.all = true,
            Change::Lost => (heard.all, heard.live) = (true, false),
            Change::Live => (heard.all, heard.live) = (true, true),
        });
    }

    fn heard(&self, key: &str) -> bool {
        self.with(|heard| heard.all || heard.keys.iter().any(|k| k == key))
    }

    fn forget(&self) {
        self.with(|heard| (heard.all, heard.keys) = (false, Vec::new()));
    }
}

impl<S: Store> Suite<S> {
    /// Waits in real time for an event that must happen within a second.
    pub(super) async fn soon(&self, promise: &str, come: impl AsyncFn() -> bool) {
        const STEP: Duration = Duration::from_millis(5);
        let mut waited = Duration::ZERO;
        while !come().await {
            if waited >= SOON {
                broken(promise, "it did not happen within a second");
            }
            tokio::time::sleep(STEP).await;
            waited += STEP;
        }
    }

    pub(super) async fn watching(&self) {
        let ear = Ear::default();
        let told: Arc<dyn Fn(Change<'_>) + Send + Sync> = Arc::new({
            let ear = ear.clone();
            move |change| ear.hear(change)
        });
        if self.first.watch(Watcher::new(&told)) {
            let live = async || ear.with(|heard| heard.live);
            self.soon("a watch starts with Live", live).await;
            self.own_writes(&ear).await;
            self.writes_elsewhere(&ear).await;
        }
    }

    async fn own_writes(&self, ear: &Ear) {
        let told = |key: &str, what: &str| {
            keeps(ear.heard(key), TOLD, what);
            ear.forget();
        };
        ear.forget();
        let (key, other) = (&self.key("watched"), &self.key("watched too"));
        let owner = &self.key("watched one");
        let version = self.insert(key, new(b"").owned_by(owner)).await;
        told(key, "insert");
        self.replace(key, version, b"", None).await;
        told(key, "replace");
        self.remove(key).await;
        told(key, "remove");
        self.insert(key, new(b"").owned_by(owner)).await;
        self.insert(other, new(b"").owned_by(owner)).await;
        ear.forget();
        self.remove_owned(owner).await;
        keeps(ear.heard(key) && ear.heard(other), TOLD, "remove_owned, each of its keys");
    }

    async fn writes_elsewhere(&self, ear: &Ear) {
        let key = &self.key("watched from afar");
        let owner = &self.key("watched from afar, one");
        let heard = async |what: &str| {
            let promise = format!("{ELSEWHERE} ({what})");
            self.soon(&promise, async || ear.heard(key)).await;
            // A late report must not be attributed to the next write.
            tokio::time::sleep(Duration::from_millis(50)).await;
            ear.forget();
        };
        ear.forget();
        let record = new(b"").owned_by(owner);
        let Some(version) = answer(self.second.insert(key, record).await, "insert") else {
            broken("insert succeeds if the key has no record", "it returned None");
        };
        heard("insert").await;
        let replaced = self.second.replace(key, version, vec![], None);
        answer(replaced.await, "replace");
        heard("replace").await;
        answer(self.second.remove(key).await, "remove");
        heard("remove").await;
        let record = new(b"").owned_by(owner);
        answer(self.second.insert(key, record).await, "insert");
        heard("insert").await;
        answer(self.second.remove_owned(owner).await, "remove_owned");
        heard("remove_owned").await;
    }

    /// The second handle's writes are visible to the first, even for records it has read before.
    pub(super) async fn seen_elsewhere(&self) {
        const PROMISE: &str = "another handle's write is visible within a second";
        let key = &self.key("seen from afar");
        let value = async || {
            let value = self.read(key).await.map(|record| record.value().to_vec());
            value.unwrap_or_else(|| b"none".to_vec())
        };
        keeps(value().await == b"none", PROMISE, "it existed before");
        let version = answer(self.second.insert(key, new(b"1")).await, "insert");
        self.soon(PROMISE, async || value().await == b"1").await;
        let replaced = self.second.replace(key, version.unwrap_or(0), b"2".to_vec(), None);
        answer(replaced.await, "replace");
        self.soon(PROMISE, async || value().await == b"2").await;
        answer(self.second.remove(key).await, "remove");
        self.soon(PROMISE, async || value().await == b"none").await;
    }
}
