//! A store that counts its calls, can hold writes at a gate, and can be switched off.

use crate::support::gate::Gate;
use jamguard::store::{NewRecord, Record, Store, StoreFuture};
use jamguard::{Error, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

#[derive(Clone)]
pub(crate) struct Watched {
    sound: Arc<dyn Store>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    reads: AtomicU64,
    writes: AtomicU64,
    down: AtomicBool,
    read_only: AtomicBool,
    /// Whether it answers at once where it can.
    peeks: AtomicBool,
    before_write: Gate,
    after_write: Gate,
}

impl Watched {
    pub(crate) fn over(sound: Arc<dyn Store>) -> Self {
        Self { sound, shared: Arc::default() }
    }

    /// How often it was read and written since this was last asked.
    pub(crate) fn asked(&self) -> (u64, u64) {
        let taken = |count: &AtomicU64| count.swap(0, Ordering::SeqCst);
        (taken(&self.shared.reads), taken(&self.shared.writes))
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.shared.down.store(down, Ordering::SeqCst);
    }

    pub(crate) fn set_read_only(&self, read_only: bool) {
        self.shared.read_only.store(read_only, Ordering::SeqCst);
    }

    pub(crate) fn peeks(&self, peeks: bool) {
        self.shared.peeks.store(peeks, Ordering::SeqCst);
    }

    /// Where each write waits before it is done.
    pub(crate) fn before_write(&self) -> &Gate {
        &self.shared.before_write
    }

    /// Where each write waits after it is done.
    pub(crate) fn after_write(&self) -> &Gate {
        &self.shared.after_write
    }

    fn refuse(&self, writing: bool) -> Result<(), Error> {
        let shared = &self.shared;
        let refused = shared.down.load(Ordering::SeqCst)
            || writing && shared.read_only.load(Ordering::SeqCst);
        match refused {
            true => Err(Error::new(ErrorKind::Unavailable, "told to be down")),
            false => Ok(()),
        }
    }

    fn read<'a, T: 'a>(&'a self, done: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.shared.reads.fetch_add(1, Ordering::SeqCst);
            self.refuse(false)?;
            done.await
        })
    }

    fn write<'a, T: Send + 'a>(&'a self, done: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            self.shared.writes.fetch_add(1, Ordering::SeqCst);
            self.refuse(true)?;
            self.shared.before_write.pass().await;
            let done = done.await;
            self.shared.after_write.pass().await;
            done
        })
    }
}

impl Store for Watched {
    passes_on!(sound: purge);

    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        self.read(self.sound.get(key))
    }

    fn peek(&self, key: &str) -> Option<Option<Record>> {
        let peeks = self.shared.peeks.load(Ordering::SeqCst);
        self.sound.peek(key).filter(|_| peeks)
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        self.write(Box::pin(async move { self.sound.insert(key, record).await }))
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        self.write(Box::pin(async move { self.sound.replace(key, version, value, ttl).await }))
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        self.write(Box::pin(async move { self.sound.remove(key).await }))
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        self.read(self.sound.owned(owner))
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        self.write(Box::pin(async move { self.sound.remove_owned(owner).await }))
    }
}
