//! [`CachedStore`]: an in-process read cache over a store that is invalidated on changes.

use super::absent::Absent;
use super::freshness::{Asked, Freshness, Turn};
use super::watch::{Change, Watcher, Watchers};
use super::{NewRecord, Record, Store, StoreFuture};
use crate::core::settings::{Time, options, setters};
use crate::core::{Clock, Error, OnDrop, SystemClock, debug_fields, lock};
use foldhash::quality::RandomState;
use moka::sync::Cache;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::{fmt, hash::BuildHasher, time::Duration};

/// Lock stripes, so that readers of different keys seldom contend.
const STRIPES: usize = 64;
/// Bytes of a copy besides its key and value, measured by `tests/stores/local/memory.rs`.
///
/// They are moka's nodes, the reference counts and the allocator's rounding.
const OVERHEAD: usize = 520;

/// A read cache over a store, invalidated when a record changes. Clones share it.
///
/// It caches records and the absence of records; [`peek`](Store::peek) answers from it without
/// waiting.
///
/// The store notifies it of changes: in this process before the write returns, elsewhere as soon as
/// the store learns of them. While the store does not learn of them ([`Change::Lost`]) nothing is
/// cached, and every read goes to the store. Over a store that cannot be watched nothing is cached,
/// unless [`max_age`](CachedStoreBuilder::max_age) limits how stale an answer may be.
///
/// Keys without a record have a [separate bound](CachedStoreBuilder::max_absent_bytes), so that requests
/// with invented ids evict no records.
///
/// # Example
/// ```
/// # #[cfg(feature = "file")]
/// # fn example() -> Result<(), jamguard::Error> {
/// use jamguard::store::{FileStore, CachedStore};
/// let store = CachedStore::new(FileStore::open("/var/lib/orders/auth.redb")?);
/// # Ok(()) }
/// ```
pub struct CachedStore<S>(Arc<Inner<S>>);

struct Inner<S> {
    store: S,
    watched: bool,
    copies: Arc<Copies>,
    /// The callback for the store's notifications; the store holds it weakly.
    _told: Arc<dyn Fn(Change<'_>) + Send + Sync>,
}

impl<S> Clone for CachedStore<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The cached answers.
struct Copies {
    copies: Cache<Arc<str>, Arc<Copy>, RandomState>,
    /// The copies that say "no record".
    absent: Mutex<Absent>,
    /// The last number given to a copy.
    absent_count: AtomicU64,
    freshness: Freshness<STRIPES>,
    hasher: RandomState,
    /// Held while it changes whether answers may be cached, and while a watcher is added.
    gate: Mutex<()>,
    watchers: Watchers,
    clock: Arc<dyn Clock>,
    max_age: Option<Duration>,
}

struct Copy {
    record: Option<Record>,
    /// The number of a copy without a record.
    number: u64,
    epoch: u64,
    /// Monotonic time at which the record expires.
    deadline: Option<Duration>,
    /// Monotonic time until which the copy may be used.
    good_until: Option<Duration>,
}

fn weight(key: &str, record: Option<&Record>) -> u32 {
    let value = record.map_or(0, |record| record.value().len());
    u32::try_from(OVERHEAD + key.len() + value).unwrap_or(u32::MAX)
}

impl Copies {
    fn hash(&self, key: &str) -> u64 {
        self.hasher.hash_one(key)
    }

    fn peek(&self, key: &str) -> Option<Option<Record>> {
        let copy = self.copies.get(key)?;
        if !self.freshness.is_current(copy.epoch) {
            return None;
        }
        let Some(good_until) = copy.good_until else {
            return Some(copy.record.clone());
        };
        let now = self.clock.monotonic();
        if now >= good_until {
            return None;
        }
        let ttl = copy.deadline.map(|deadline| deadline.saturating_sub(now));
        Some(copy.record.clone().map(|record| Record { ttl, ..record }))
    }

    /// Notes the state and the time before the store is read; `None` if its answer must not be cached.
    fn ask(&self, key: &str) -> Option<(Asked, Duration)> {
        Some((self.freshness.ask(self.hash(key))?, self.clock.monotonic()))
    }

    fn remember(&self, key: &str, asked: &(Asked, Duration), record: Option<&Record>) {
        let (asked, at) = asked;
        let end = |time: Duration| at.saturating_add(time);
        let deadline = record.and_then(Record::ttl).map(end);
        let copy = Arc::new(Copy {
            record: record.cloned(),
            number: match record {
                Some(_) => 0,
                None => self.absent_count.fetch_add(1, Ordering::Relaxed) + 1,
            },
            epoch: asked.epoch,
            deadline,
            good_until: deadline.into_iter().chain(self.max_age.map(end)).min(),
        });
        let hash = self.hash(key);
        let key: Arc<str> = key.into();
        let insert = || self.copies.insert(key.clone(), copy.clone());
        if !self.freshness.remember(hash, asked, insert) || record.is_some() {
            return;
        }
        let displaced = lock(&self.absent).add(key, copy.number, |key| weight(key, None));
        for (key, number) in displaced {
            // By now the key may have a record.
            let is_same = |known: Arc<Copy>| known.number == number;
            if self.copies.get(&key).is_some_and(is_same) {
                self.copies.invalidate(&key);
            }
        }
    }

    fn change(&self, key: &str) {
        self.freshness.change(self.hash(key), || self.copies.invalidate(key));
    }

    /// Invalidates every copy at once; their memory is freed later.
    fn change_all(&self, turn: Turn) {
        self.freshness.change_all(turn);
        self.copies.invalidate_all();
        lock(&self.absent).clear();
    }

    /// Handles a notification of the store.
    fn told(&self, change: Change<'_>) {
        let _gate = matches!(change, Change::Lost | Change::Live).then(|| lock(&self.gate));
        match change {
            Change::Key(key) => self.change(key),
            Change::All => self.change_all(Turn::Changed),
            Change::Lost => self.change_all(Turn::Lost),
            Change::Live => self.change_all(Turn::Live),
        }
        // Watchers of this cache are notified once nothing outdated is left here.
        self.watchers.notify(change);
    }
}

impl<S: Store> CachedStore<S> {
    /// Creates a cache of up to 64 MiB over this store.
    pub fn new(store: S) -> Self {
        Self::builder(store).finish()
    }

    /// Returns a builder for a cache over this store.
    pub fn builder(store: S) -> CachedStoreBuilder<S> {
        let options = CacheOptions::default();
        CachedStoreBuilder { store, clock: Arc::new(SystemClock), options }
    }

    /// Invalidates a key when a write of it ends, even in an error: it may have happened.
    fn writing<'a>(&'a self, change: Change<'a>) -> OnDrop<impl FnMut() + 'a> {
        OnDrop::new(move || self.0.copies.told(change))
    }
}

impl<S: Store> Store for CachedStore<S> {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            let Inner { store, copies, .. } = &*self.0;
            if let Some(known) = copies.peek(key) {
                return Ok(known);
            }
            let asked = copies.ask(key);
            let record = store.get(key).await?;
            if let Some(asked) = asked {
                copies.remember(key, &asked, record.as_ref());
            }
            Ok(record)
        })
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            let _writing = self.writing(Change::Key(key));
            self.0.store.insert(key, record).await
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
            // Also if it returns `None`: then the copy here may be outdated.
            let _writing = self.writing(Change::Key(key));
            self.0.store.replace(key, version, value, ttl).await
        })
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            let _writing = self.writing(Change::Key(key));
            self.0.store.remove(key).await
        })
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        self.0.store.owned(owner)
    }

    fn count_owned<'a>(&'a self, owner: &'a str, prefix: &'a [u8]) -> StoreFuture<'a, u64> {
        self.0.store.count_owned(owner, prefix)
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            if !self.0.watched {
                let _writing = self.writing(Change::All);
                return self.0.store.remove_owned(owner).await;
            }
            // The store reports the removed keys, unless it fails.
            let removed = self.0.store.remove_owned(owner).await;
            if removed.is_err() {
                self.0.copies.told(Change::All);
            }
            removed
        })
    }

    fn purge(&self) -> StoreFuture<'_, u64> {
        self.0.store.purge()
    }

    fn peek(&self, key: &str) -> Option<Option<Record>> {
        let copies = &self.0.copies;
        copies.peek(key).or_else(|| self.0.store.peek(key))
    }

    fn watch(&self, watcher: Watcher) -> bool {
        let copies = &self.0.copies;
        if self.0.watched {
            let _gate = lock(&copies.gate);
            copies.watchers.add(watcher.clone());
            if copies.freshness.is_live() {
                watcher.notify(Change::Live);
            }
        }
        self.0.watched
    }
}

impl<S: fmt::Debug> fmt::Debug for CachedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CachedStore").field(&self.0.store).finish()
    }
}

options! {
    /// A read cache in this process.
    CacheOptions {
        /// Maximum memory in bytes. Default: 64 MiB.
        max_bytes: u64 = 64 << 20,
        /// Part of `max_bytes` for keys without a record. Default: a quarter.
        max_absent_bytes: Option<u64> = None,
        /// Maximum age of a cached answer. Default: no limit. A store that does not notify of
        /// changes is cached only with this setting.
        max_age: Option<Time> = None,
    }
}

/// A builder for [`CachedStore`].
///
/// # Example
/// ```
/// use jamguard::store::{MemoryStore, CachedStore};
/// let store = CachedStore::builder(MemoryStore::new()).max_bytes(8 << 20).build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct CachedStoreBuilder<S> {
    store: S,
    clock: Arc<dyn Clock>,
    pub(crate) options: CacheOptions,
}

impl<S: Store> CachedStoreBuilder<S> {
    setters! {
        /// Sets the maximum memory in bytes. Default: 64 MiB. Over it, the least-read records go.
        ///
        /// An entry weighs its key, its value and 520 bytes for the cache's own nodes. Measured
        /// resident growth of the process per byte of this bound: 1.05 to 1.2 bytes.
        pub fn max_bytes(bytes: u64) { self.options.max_bytes = bytes }

        /// Sets the part of [`max_bytes`](Self::max_bytes) for keys without a record.
        ///
        /// Default: a quarter of it. Over it, the oldest of these keys are evicted, and no records.
        /// Any client can send session ids that it invented. Raise this for a store that mainly
        /// holds deny lists, where most answers are "no record"; 0 caches no such answer.
        ///
        /// ```
        /// use jamguard::store::{MemoryStore, CachedStore};
        /// let store = CachedStore::builder(MemoryStore::new())
        ///     .max_bytes(128 << 20)
        ///     .max_absent_bytes(96 << 20)
        ///     .build()?;
        /// # Ok::<(), jamguard::Error>(())
        /// ```
        pub fn max_absent_bytes(bytes: u64) { self.options.max_absent_bytes = Some(bytes) }

        /// Sets the maximum age of a cached answer. Default: no limit.
        ///
        /// A store that cannot be watched is cached only with this setting, and then it is how long
        /// a change by another process may go unseen, such as a revoked token.
        pub fn max_age(age: Duration) { self.options.max_age = Some(Time(age)) }

        /// Sets the clock whose monotonic time lifetimes follow. Default: the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }
    }

    /// Builds the cache, empty.
    ///
    /// # Errors
    /// None today; all builders of this crate return a `Result`.
    pub fn build(self) -> Result<CachedStore<S>, Error> {
        Ok(self.finish())
    }

    fn finish(self) -> CachedStore<S> {
        let CacheOptions { max_bytes, max_absent_bytes, max_age } = self.options;
        let max_absent_bytes = max_absent_bytes.unwrap_or(max_bytes / 4).min(max_bytes);
        let max_age = max_age.map(|Time(age)| age);
        let copies = Arc::new(Copies {
            copies: Cache::builder()
                .weigher(|key: &Arc<str>, copy: &Arc<Copy>| weight(key, copy.record.as_ref()))
                .max_capacity(max_bytes)
                .build_with_hasher(RandomState::default()),
            absent: Mutex::new(Absent::new(max_absent_bytes)),
            absent_count: AtomicU64::new(0),
            freshness: Freshness::new(),
            hasher: RandomState::default(),
            gate: Mutex::default(),
            watchers: Watchers::default(),
            clock: self.clock,
            max_age,
        });
        let told: Arc<dyn Fn(Change<'_>) + Send + Sync> = Arc::new({
            let copies = copies.clone();
            move |change| copies.told(change)
        });
        let watched = self.store.watch(Watcher::new(&told));
        if !watched && max_age.is_some() {
            copies.change_all(Turn::Live);
        }
        CachedStore(Arc::new(Inner { store: self.store, watched, copies, _told: told }))
    }
}

debug_fields!(
    CachedStoreBuilder<S>,
    self,
    max_bytes = self.options.max_bytes,
    max_absent_bytes = self.options.max_absent_bytes,
    max_age = self.options.max_age
);
