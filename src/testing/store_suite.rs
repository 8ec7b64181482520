//! An acceptance suite for store implementations.
// A test utility: it reports a broken promise by a panic.
#![allow(clippy::panic)]

mod concurrency;
mod expiry;
mod owners;
mod promise;
mod texts;
mod watching;
mod writes;

pub use promise::{Promise, StoreReport};

use crate::core::{Clock, Error, SystemClock};
use crate::store::{NewRecord, Record, Store};
use promise::{PROMISES, catch_panic, message};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{sync::Arc, time::Duration};

/// Tests a store against every promise of the [`Store`] trait.
///
/// `open` returns handles of the same store: clones if it lives in this process, separate
/// connections otherwise. What one handle writes, the other must see. It is called twice. `pass`
/// lets time pass, by sleeping or by advancing the store's clock. In real time the suite takes a
/// few seconds.
///
/// It needs a tokio runtime; use a multi-threaded one to let writers collide. Its keys and owners
/// are unique to the run, except for the owner with the empty name, so the store need not be empty.
///
/// # Panics
/// At the first broken promise, which the message names.
///
/// # Example
/// ```
/// use jamguard::{store::MemoryStore, testing::{ManualClock, store_suite}};
///
/// # fn main() { tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let clock = ManualClock::at(1_700_000_000);
/// let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
/// store_suite(async || store.clone(), async |time| clock.advance(time)).await;
///
/// let store = MemoryStore::new();
/// store_suite(async || store.clone(), tokio::time::sleep).await;
/// # }) }
/// ```
pub async fn store_suite<S: Store>(open: impl AsyncFn() -> S, pass: impl AsyncFn(Duration)) {
    StoreSuite::new(open, pass).run().await;
}

/// The acceptance suite, with exemptions for promises that a store cannot keep.
///
/// It reports whether the store breaks the exempt promises.
///
/// # Example
/// ```
/// use jamguard::{store::MemoryStore, testing::{Promise, StoreSuite}};
///
/// # fn main() { tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let store = MemoryStore::new();
/// let report = StoreSuite::new(async || store.clone(), tokio::time::sleep)
///     .without(Promise::NoLostUpdate)
///     .run()
///     .await;
/// // The memory store keeps it, so the exemption is unnecessary.
/// assert!(report.broken().is_empty());
/// assert_eq!(report.needlessly_exempt(), [Promise::NoLostUpdate]);
/// # }) }
/// ```
#[must_use]
pub struct StoreSuite<O, P> {
    open: O,
    pass: P,
    exempt: Vec<Promise>,
}

impl<S: Store, O: AsyncFn() -> S, P: AsyncFn(Duration)> StoreSuite<O, P> {
    /// Creates a suite, with the arguments of [`store_suite`].
    pub fn new(open: O, pass: P) -> Self {
        let exempt = Vec::new();
        Self { open, pass, exempt }
    }

    /// Exempts a promise: it is tested, but a failure is only reported. May be called repeatedly.
    pub fn without(mut self, promise: Promise) -> Self {
        self.exempt.push(promise);
        self
    }

    /// Runs the suite.
    ///
    /// # Panics
    /// At the first broken promise that is not exempt; the message names it.
    pub async fn run(self) -> StoreReport {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let suite = Suite {
            first: Arc::new((self.open)().await),
            second: Arc::new((self.open)().await),
            run: format!(
                "suite-{:x}-{}",
                SystemClock.now().as_nanos(),
                RUNS.fetch_add(1, Ordering::Relaxed)
            ),
        };
        let mut report = StoreReport::default();
        for promise in PROMISES {
            let check = suite.check(promise, &self.pass);
            if !self.exempt.contains(&promise) {
                check.await;
                continue;
            }
            match catch_panic(check).await {
                Ok(()) => report.needlessly_exempt.push(promise),
                Err(panic) => report.broken.push((promise, message(&*panic))),
            }
        }
        report
    }
}

/// Time within which a handle sees another handle's writes.
const SOON: Duration = Duration::from_secs(1);
/// A lifetime longer than any check.
const LONG: Duration = Duration::from_secs(3600);

struct Suite<S> {
    first: Arc<S>,
    second: Arc<S>,
    /// Prefix of every key and owner.
    run: String,
}

#[track_caller]
fn broken(promise: &str, seen: &str) -> ! {
    panic!("the store breaks a promise: {promise}: {seen}");
}

#[track_caller]
fn keeps(kept: bool, promise: &str, seen: &str) {
    if !kept {
        broken(promise, seen);
    }
}

/// Unwraps an answer; an error breaks a promise.
#[track_caller]
fn answer<T>(answer: Result<T, Error>, asked: &str) -> T {
    match answer {
        Ok(answer) => answer,
        Err(error) => broken("every call is answered", &format!("{asked}: {error}")),
    }
}

fn new(value: &[u8]) -> NewRecord {
    NewRecord::new(value)
}

impl<S: Store> Suite<S> {
    async fn check(&self, promise: Promise, pass: &impl AsyncFn(Duration)) {
        match promise {
            Promise::Writes => self.one_record().await,
            Promise::Values => self.values().await,
            Promise::Versions => self.versions().await,
            Promise::Handles => self.handles().await,
            Promise::Keys => self.texts().await,
            Promise::Owners => self.owners().await,
            Promise::OneInsert => self.one_insert_succeeds().await,
            Promise::OneReplace => self.one_replace_succeeds().await,
            Promise::OneRemove => self.one_remove_succeeds().await,
            Promise::NoLostUpdate => self.no_lost_update().await,
            Promise::WholeOwner => self.a_whole_owner_goes().await,
            Promise::Expiry => self.expiry(pass).await,
            Promise::Watching => self.watching().await,
            Promise::SeenElsewhere => self.seen_elsewhere().await,
        }
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.run)
    }

    /// Reads a record with `get` and `peek`, which must agree.
    async fn read(&self, key: &str) -> Option<Record> {
        let record = answer(self.first.get(key).await, "get");
        if let Some(peeked) = self.first.peek(key) {
            let same = match (&peeked, &record) {
                (Some(peeked), Some(record)) => {
                    (peeked.value(), peeked.version()) == (record.value(), record.version())
                        && peeked.ttl().is_some() == record.ttl().is_some()
                }
                (None, None) => true,
                _ => false,
            };
            let seen = format!("get returns {record:?}, peek {peeked:?}");
            keeps(same, "peek agrees with get", &seen);
        }
        record
    }

    /// Inserts a record whose key must be free, and returns its version.
    async fn insert(&self, key: &str, record: NewRecord) -> u64 {
        match answer(self.first.insert(key, record).await, "insert") {
            Some(version) => version,
            None => broken("insert succeeds if the key has no record", "it returned None"),
        }
    }

    /// Replaces a record that has this version, and returns its new version.
    async fn replace(&self, key: &str, version: u64, value: &[u8], ttl: Option<Duration>) -> u64 {
        let replaced = self.first.replace(key, version, value.to_vec(), ttl);
        match answer(replaced.await, "replace") {
            Some(version) => version,
            None => broken("replace succeeds if the version is the record's", "it returned None"),
        }
    }

    /// Replaces a record if it has this version.
    async fn try_replace(&self, key: &str, version: u64, value: &[u8]) -> Option<u64> {
        answer(self.first.replace(key, version, value.to_vec(), None).await, "replace")
    }

    async fn remove(&self, key: &str) -> bool {
        answer(self.first.remove(key).await, "remove")
    }

    async fn remove_owned(&self, owner: &str) -> u64 {
        answer(self.first.remove_owned(owner).await, "remove_owned")
    }

    /// Returns the listed keys of an owner, sorted.
    async fn owned(&self, owner: &str) -> Vec<String> {
        let listed = answer(self.first.owned(owner).await, "owned");
        let mut keys: Vec<_> = listed.into_iter().map(|(key, _)| key).collect();
        keys.sort();
        keys
    }

    /// Checks that a key has no record.
    async fn is_gone(&self, key: &str, promise: &str, seen: &str) {
        keeps(self.read(key).await.is_none(), promise, seen);
    }

    /// Checks that the record of a key has this value.
    async fn holds(&self, key: &str, value: &[u8], promise: &str) {
        let read = self.read(key).await;
        let same = read.as_ref().is_some_and(|record| record.value() == value);
        keeps(same, promise, &format!("{read:?} under {key:?}"));
    }

    /// Checks that owned returns exactly the records of these keys.
    async fn lists(&self, owner: &str, keys: &[&String], promise: &str) {
        let listed = self.owned(owner).await;
        let mut keys = keys.to_vec();
        keys.sort();
        let same = listed.iter().eq(keys);
        keeps(same, promise, &format!("owned returns {listed:?} for {owner:.80?}"));
    }
}
