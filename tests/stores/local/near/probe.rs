//! A store that counts its questions, waits when told to, and says of changes what a test wants.

use jamguard::store::{Change, MemoryStore, NewRecord, Record, Store, StoreFuture, Watcher};
use jamguard::{Error, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;

#[derive(Clone)]
pub(crate) struct Probe(Arc<Inner>);

struct Inner {
    store: MemoryStore,
    watchable: bool,
    watchers: Mutex<Vec<Watcher>>,
    asked: AtomicUsize,
    fails: AtomicBool,
    /// While closed, what `get` has read stays on its way.
    answers: Semaphore,
}

impl Probe {
    /// Not live yet.
    pub(crate) fn new(store: MemoryStore) -> Self {
        Self::with(store, true)
    }

    pub(crate) fn unwatchable(store: MemoryStore) -> Self {
        Self::with(store, false)
    }

    fn with(store: MemoryStore, watchable: bool) -> Self {
        Self(Arc::new(Inner {
            store,
            watchable,
            watchers: Mutex::default(),
            asked: AtomicUsize::new(0),
            fails: AtomicBool::new(false),
            answers: Semaphore::new(1000),
        }))
    }

    /// How often `get` was asked since the last time.
    pub(crate) fn asked(&self) -> usize {
        self.0.asked.swap(0, Ordering::SeqCst)
    }

    pub(crate) fn say(&self, change: Change<'_>) {
        for watcher in &*self.0.watchers.lock().unwrap() {
            watcher.notify(change);
        }
    }

    pub(crate) fn fail(&self, fails: bool) {
        self.0.fails.store(fails, Ordering::SeqCst);
    }

    pub(crate) fn hold_answers(&self) {
        self.0.answers.forget_permits(1000);
    }

    pub(crate) fn let_answers_go(&self) {
        self.0.answers.add_permits(1000);
    }

    fn result<T>(&self, answer: T) -> Result<T, Error> {
        if self.0.fails.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "out of order"));
        }
        Ok(answer)
    }
}

impl Store for Probe {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            self.0.asked.fetch_add(1, Ordering::SeqCst);
            let read = self.0.store.get(key).await?;
            let _answer = self.0.answers.acquire().await.unwrap();
            self.result(read)
        })
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            let version = self.0.store.insert(key, record).await?;
            self.say(Change::Key(key));
            Ok(version)
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            let version = self.0.store.replace(key, version, value, ttl).await?;
            self.say(Change::Key(key));
            Ok(version)
        })
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let removed = self.0.store.remove(key).await?;
            // Done, and nobody knows: neither the caller nor a watcher.
            self.result(removed)
        })
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        self.0.store.owned(owner)
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let owned = self.0.store.owned(owner).await?;
            let removed = self.0.store.remove_owned(owner).await?;
            let removed = self.result(removed)?;
            for (key, _) in &owned {
                self.say(Change::Key(key));
            }
            Ok(removed)
        })
    }

    fn purge(&self) -> StoreFuture<'_, u64> {
        self.0.store.purge()
    }

    fn watch(&self, watcher: Watcher) -> bool {
        if self.0.watchable {
            self.0.watchers.lock().unwrap().push(watcher);
        }
        self.0.watchable
    }
}
