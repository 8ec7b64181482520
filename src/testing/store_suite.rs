//! One acceptance suite for every store.
// It is a test: a panic is its answer.
#![allow(clippy::panic)]

mod concurrency;
mod expiry;
mod owners;
mod texts;
mod watching;
mod writes;

use crate::core::clock::{Clock, SystemClock};
use crate::core::error::Error;
use crate::store::{NewRecord, Record, Store};
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
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let suite = Suite {
        first: Arc::new(open().await),
        second: Arc::new(open().await),
        run: format!(
            "suite-{:x}-{}",
            SystemClock.now().as_nanos(),
            RUNS.fetch_add(1, Ordering::Relaxed)
        ),
    };
    suite.writes().await;
    suite.texts().await;
    suite.owners().await;
    suite.concurrency().await;
    suite.expiry(&pass).await;
    suite.watching().await;
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
