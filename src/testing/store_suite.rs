//! One acceptance suite for every store.
// It is a test: a panic is its answer.
#![allow(clippy::panic)]

mod concurrency;
mod expiry;
mod owners;
mod promise;
mod texts;
mod watching;
mod writes;

pub use promise::{Promise, StoreReport};

use crate::core::clock::{Clock, SystemClock};
use crate::core::error::Error;
use crate::store::{NewRecord, Record, Store};
use promise::{CatchUnwind, PROMISES, message};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Runs a store through every promise that [`Store`] makes.
///
/// `open` gives handles of one and the same store: clones where it lives in this process,
/// connections of their own where it does not, so that what one handle writes the other must see.
/// It is asked twice. `pass` lets time pass: by sleeping, or by moving the clock that the store was
/// given. Under real time the suite takes a few seconds.
///
/// Runs inside a tokio runtime; one of several threads lets writers collide for real. The keys and
/// owners used are this run's alone, but for the owner of the empty name, so the store need not be
/// empty.
///
/// # Panics
/// At the first promise that is broken; the message names it.
///
/// # Example
/// ```
/// use jamguard::{store::MemoryStore, testing::{ManualClock, store_suite}};
///
/// # fn main() { tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let clock = ManualClock::at(1_700_000_000);
/// let store = MemoryStore::builder().clock(clock.clone()).build();
/// store_suite(async || store.clone(), async |time| clock.advance(time)).await;
///
/// let store = MemoryStore::new();
/// store_suite(async || store.clone(), tokio::time::sleep).await;
/// # }) }
/// ```
pub async fn store_suite<S: Store>(open: impl AsyncFn() -> S, pass: impl AsyncFn(Duration)) {
    StoreSuite::new(open, pass).run().await;
}

/// The same for a store that cannot keep every promise: says which ones are not asked of it, and
/// reports whether it breaks them.
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
/// // The memory store keeps it: there is nothing to be excused from.
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
    /// Sets the suite up, for the same two as [`store_suite`].
    pub fn new(open: O, pass: P) -> Self {
        let exempt = Vec::new();
        Self { open, pass, exempt }
    }

    /// Goes on where this promise is broken. It is tested all the same. Called again: another too.
    pub fn without(mut self, promise: Promise) -> Self {
        self.exempt.push(promise);
        self
    }

    /// Runs it.
    ///
    /// # Panics
    /// At the first promise that is broken and not exempt; the message names it.
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
            let check = suite.check(*promise, &self.pass);
            if !self.exempt.contains(promise) {
                check.await;
                continue;
            }
            match CatchUnwind(Box::pin(check)).await {
                Ok(()) => report.needlessly_exempt.push(*promise),
                Err(panic) => report.broken.push((*promise, message(&*panic))),
            }
        }
        report
    }
}

/// How soon a handle sees what another wrote.
const SOON: Duration = Duration::from_secs(1);
/// A lifetime that no check outlives.
const LONG: Duration = Duration::from_secs(3600);

struct Suite<S> {
    first: Arc<S>,
    second: Arc<S>,
    /// Begins every key and owner.
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

/// Unwraps an answer.
#[track_caller]
fn answer<T>(answer: Result<T, Error>, asked: &str) -> T {
    match answer {
        Ok(answer) => answer,
        Err(error) => broken("it answers", &format!("{asked}: {error}")),
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

    /// What both ways of reading say, which must be the same.
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
            let seen = format!("get gives {record:?}, peek {peeked:?}");
            keeps(same, "peek says what get says", &seen);
        }
        record
    }

    /// Inserts a record that must not be there, and gives its version.
    async fn insert(&self, key: &str, record: NewRecord) -> u64 {
        match answer(self.first.insert(key, record).await, "insert") {
            Some(version) => version,
            None => broken(
                "insert succeeds where the key has no record",
                "it gave None",
            ),
        }
    }

    /// Replaces a record that has this version, and gives its new one.
    async fn replace(&self, key: &str, version: u64, value: &[u8], ttl: Option<Duration>) -> u64 {
        let replaced = self.first.replace(key, version, value.to_vec(), ttl);
        match answer(replaced.await, "replace") {
            Some(version) => version,
            None => broken(
                "replace succeeds where the version is the record's",
                "it gave None",
            ),
        }
    }

    /// The keys of an owner as listed, sorted.
    async fn owned(&self, owner: &str) -> Vec<String> {
        let listed = answer(self.first.owned(owner).await, "owned");
        let mut keys: Vec<_> = listed.into_iter().map(|(key, _)| key).collect();
        keys.sort();
        keys
    }
}
