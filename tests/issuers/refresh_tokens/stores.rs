//! A store that lags, fails, or does not answer.

use crate::refresh_tokens::{Device, NOW, OWNER, World, phone};
use jamguard::ErrorKind::{self, *};
use jamguard::store::{MemoryStore, NewRecord, Record, Store, StoreFuture};
use jamguard::testing::ManualClock;
use jamguard::{Error, RefreshTokens};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A store whose reads lag behind: a token newer than what was read is no reuse.
#[tokio::test]
async fn a_lagging_read_ends_nothing() {
    let world = World::new();
    let first = world.issue().await;
    let lagging = Counting::of(world.store.clone());
    let family = world.store.owned(OWNER).await.unwrap().remove(0);
    *lagging.stale.lock().unwrap() = Some((family.1, 3));
    let second = world.rotate(&first).await.unwrap();
    let reused = Arc::new(AtomicU64::new(0));
    let told = reused.clone();
    let tokens = RefreshTokens::<Device>::builder(lagging)
        .clock(world.clock.clone())
        .on_reuse(move |_| {
            told.fetch_add(1, SeqCst);
        })
        .build()
        .unwrap();
    // Here it is unknown to what was read three times, and then it is the current one.
    tokens.rotate(&second).await.unwrap();
    assert_eq!(reused.load(SeqCst), 0);
}

/// One that always lags is an outage in the end, not a loop.
#[tokio::test]
async fn a_read_that_never_catches_up_is_an_outage() {
    let world = World::new();
    let first = world.issue().await;
    let lagging = Counting::of(world.store.clone());
    let family = world.store.owned(OWNER).await.unwrap().remove(0);
    *lagging.stale.lock().unwrap() = Some((family.1, u64::MAX));
    world.rotate(&first).await.unwrap();
    let tokens =
        RefreshTokens::<Device>::builder(lagging).clock(world.clock.clone()).build().unwrap();
    let refused = tokens.rotate(&first).await.unwrap_err();
    assert_eq!(refused.kind(), Unavailable);
}

#[tokio::test]
async fn a_store_that_is_down_uses_nothing_up() {
    let world = World::new();
    let first = world.issue().await;
    let store = Arc::new(Counting::of(world.store.clone()));
    let tokens =
        RefreshTokens::<Device>::builder(store.clone()).clock(world.clock.clone()).build().unwrap();
    *store.failing.lock().unwrap() = Some(Unavailable);
    for _ in 0..3 {
        assert_eq!(tokens.rotate(&first).await.unwrap_err().kind(), Unavailable);
        assert_eq!(tokens.revoke(&first).await.unwrap_err().kind(), Unavailable);
        let issued = tokens.issue("ann", &phone()).await;
        assert_eq!(issued.unwrap_err().kind(), Unavailable);
    }
    *store.failing.lock().unwrap() = None;
    tokens.rotate(&first).await.unwrap();
}

/// Counts replacements; fails or answers with an old record when told to.
pub(crate) struct Counting {
    records: MemoryStore,
    pub(crate) replaced: AtomicU64,
    failing: Mutex<Option<ErrorKind>>,
    /// What the next so many reads find.
    stale: Mutex<Option<(Record, u64)>>,
}

impl Counting {
    pub(crate) fn of(records: MemoryStore) -> Self {
        Self {
            records,
            replaced: AtomicU64::new(0),
            failing: Mutex::default(),
            stale: Mutex::default(),
        }
    }

    fn pass(&self) -> Result<(), Error> {
        match *self.failing.lock().unwrap() {
            Some(kind) => Err(Error::new(kind, "told to fail")),
            None => Ok(()),
        }
    }
}

impl Store for Counting {
    passes_on!(records: owned remove_owned purge watch);

    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            self.pass()?;
            if let Some((record, left)) = &mut *self.stale.lock().unwrap()
                && *left > 0
            {
                *left -= 1;
                return Ok(Some(record.clone()));
            }
            let found = self.records.get(key).await;
            // So that all have read before the first one writes.
            tokio::task::yield_now().await;
            found
        })
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            self.pass()?;
            self.records.insert(key, record).await
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
            self.pass()?;
            let replaced = self.records.replace(key, version, value, ttl).await?;
            if replaced.is_some() {
                self.replaced.fetch_add(1, SeqCst);
            }
            Ok(replaced)
        })
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            self.pass()?;
            self.records.remove(key).await
        })
    }
}

/// A client that hangs up, or an outage, must not keep a theft from being told of.
#[tokio::test]
async fn a_reuse_is_reported_whatever_becomes_of_the_answer() {
    for fails in [true, false] {
        let clock = ManualClock::at(NOW);
        let store = Arc::new(Unanswered::of(MemoryStore::new()));
        let told = Arc::new(AtomicU64::new(0));
        let count = told.clone();
        let tokens: RefreshTokens = RefreshTokens::builder(store.clone())
            .clock(clock.clone())
            .on_reuse(move |reuse| {
                assert_eq!(reuse.subject, "ann");
                count.fetch_add(1, SeqCst);
            })
            .build()
            .unwrap();
        let old = tokens.issue("ann", &()).await.unwrap();
        tokens.rotate(old.expose()).await.unwrap();
        clock.advance(Duration::from_secs(5));
        *store.fails.lock().unwrap() = Some(fails);
        let answer = tokio::time::timeout(Duration::from_millis(20), tokens.rotate(old.expose()));
        assert_eq!(answer.await.is_ok(), fails);
        // The family has ended all the same.
        *store.fails.lock().unwrap() = None;
        let refused = tokens.rotate(old.expose()).await.unwrap_err();
        assert_eq!(refused.kind(), Reused);
        assert_eq!(told.load(SeqCst), 1, "fails: {fails}");
    }
}

/// Carries replacements out, and then fails (true) or never answers (false) when told to.
struct Unanswered {
    records: MemoryStore,
    fails: Mutex<Option<bool>>,
}

impl Unanswered {
    fn of(records: MemoryStore) -> Self {
        Self { records, fails: Mutex::default() }
    }
}

impl Store for Unanswered {
    passes_on!(records: get insert remove owned remove_owned purge);

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            let replaced = self.records.replace(key, version, value, ttl).await;
            let fails = *self.fails.lock().unwrap();
            match fails {
                None => replaced,
                Some(true) => Err(Error::new(Unavailable, "told to fail")),
                Some(false) => std::future::pending().await,
            }
        })
    }
}
