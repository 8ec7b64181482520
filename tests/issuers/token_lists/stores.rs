//! A store that does what a test tells it: fails, hangs, cannot be watched, stops before it answers.

use jamguard::store::{Change, MemoryStore, NewRecord, Record, Store, StoreFuture, Watcher};
use jamguard::{Error, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// Longest that a store of ours waits for its answer.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(100);

#[derive(Clone)]
pub(crate) struct Shaky(Arc<Inner>);

struct Inner {
    records: MemoryStore,
    watchable: bool,
    peeks: bool,
    failing: Mutex<Option<ErrorKind>>,
    hanging: watch::Sender<bool>,
    watchers: Mutex<Vec<Watcher>>,
    asked: AtomicU64,
    /// Reads that were answered by the records and wait for a permit to say so.
    held: Mutex<Option<Arc<Semaphore>>>,
}

impl Shaky {
    /// Watched, and answering only after a wait, as a store behind a connection does.
    pub(crate) fn remote(records: MemoryStore) -> Self {
        Self::new(records, true, false)
    }

    /// The same, of a kind that cannot be watched.
    pub(crate) fn unwatchable(records: MemoryStore) -> Self {
        Self::new(records, false, false)
    }

    fn new(records: MemoryStore, watchable: bool, peeks: bool) -> Self {
        Self(Arc::new(Inner {
            records,
            watchable,
            peeks,
            failing: Mutex::default(),
            hanging: watch::Sender::new(false),
            watchers: Mutex::default(),
            asked: AtomicU64::new(0),
            held: Mutex::default(),
        }))
    }

    /// Every operation fails at once; `None`: no more.
    pub(crate) fn fail(&self, kind: Option<ErrorKind>) {
        *self.0.failing.lock().unwrap() = kind;
    }

    /// No operation is answered, so that each fails after [`TIMEOUT`].
    pub(crate) fn hang(&self, hanging: bool) {
        self.0.hanging.send_replace(hanging);
    }

    pub(crate) fn tell(&self, change: Change<'_>) {
        for watcher in self.0.watchers.lock().unwrap().iter() {
            watcher.notify(change);
        }
    }

    /// How often it was asked since the last time that this was called.
    pub(crate) fn asked(&self) -> u64 {
        self.0.asked.swap(0, SeqCst)
    }

    /// From now on reads wait for a permit between finding their answer and giving it.
    pub(crate) fn hold(&self) -> Arc<Semaphore> {
        let permits = Arc::new(Semaphore::new(0));
        *self.0.held.lock().unwrap() = Some(permits.clone());
        permits
    }

    pub(crate) fn release(&self) {
        if let Some(permits) = self.0.held.lock().unwrap().take() {
            permits.close();
        }
    }

    async fn pass(&self) -> Result<(), Error> {
        let mut hanging = self.0.hanging.subscribe();
        let late = |_| Error::new(ErrorKind::Unavailable, "no answer in time");
        timeout(TIMEOUT, hanging.wait_for(|hanging| !hanging)).await.map_err(late)?.unwrap();
        // As over a connection: never at once.
        tokio::task::yield_now().await;
        match *self.0.failing.lock().unwrap() {
            Some(kind) => Err(Error::new(kind, "told to fail")),
            None => Ok(()),
        }
    }

    fn written(&self, key: &str) {
        self.tell(Change::Key(key));
    }
}

impl Store for Shaky {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            self.0.asked.fetch_add(1, SeqCst);
            self.pass().await?;
            let found = self.0.records.get(key).await;
            let held = self.0.held.lock().unwrap().clone();
            if let Some(permits) = held
                && let Ok(permit) = permits.acquire().await
            {
                permit.forget();
            }
            found
        })
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            self.pass().await?;
            let inserted = self.0.records.insert(key, record).await;
            self.written(key);
            inserted
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
            self.pass().await?;
            let replaced = self.0.records.replace(key, version, value, ttl).await;
            self.written(key);
            replaced
        })
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            self.pass().await?;
            let removed = self.0.records.remove(key).await;
            self.written(key);
            removed
        })
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        self.0.records.owned(owner)
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        self.0.records.remove_owned(owner)
    }

    fn purge(&self) -> StoreFuture<'_, u64> {
        self.0.records.purge()
    }

    fn peek(&self, key: &str) -> Option<Option<Record>> {
        self.0.peeks.then(|| self.0.records.peek(key)).flatten()
    }

    fn watch(&self, watcher: Watcher) -> bool {
        if self.0.watchable {
            watcher.notify(Change::Live);
            self.0.watchers.lock().unwrap().push(watcher);
        }
        self.0.watchable
    }
}
