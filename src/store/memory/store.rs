//! The records, their bounds, and the operations on them.

use super::builder::MemoryStoreBuilder;
use crate::core::clock::Clock;
use crate::core::error::{Error, ErrorKind};
use crate::core::lock::lock;
use crate::store::watch::{Change, Watcher, Watchers};
use crate::store::{NewRecord, Record, Store, StoreFuture, check_key};
use foldhash::quality::RandomState;
use moka::sync::Cache;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// Maximum number of expired records that a write frees.
const SWEPT_PER_WRITE: usize = 32;
/// Number of expired records that a write frees at a time while the store has no room for it.
const SWEPT_FOR_ROOM: usize = 1024;
/// Bytes of a record besides its key and value, measured by `tests/stores/local/memory.rs`.
///
/// They are moka's nodes, the entry by deadline, the reference counts and the allocator's rounding.
const OVERHEAD: usize = 560;
/// Bytes of an owner besides its text, if it has a single record.
const OWNER: usize = 256;

/// A store in memory, for one process and as long as it runs. Clones share the records.
///
/// It is not a cache: a live record is never evicted to make room, because a deny list that forgets
/// makes revoked tokens valid again. A full store rejects insertions.
///
/// Records of clients that have not authenticated ([`NewRecord::anonymous`]) have a [separate
/// bound](MemoryStoreBuilder::max_anonymous_bytes): however many logins strangers begin, there is
/// room for revocations and for the sessions of users.
///
/// Reads take no lock and never wait, through [`peek`](Store::peek) too. Writes are serialized.
///
/// # Example
/// ```
/// use jamguard::store::{MemoryStore, NewRecord, Store};
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), jamguard::Error> {
/// let store = MemoryStore::new();
/// let record = NewRecord::new(b"value".to_vec()).expires_after(Duration::from_secs(60));
/// assert!(store.insert("key", record).await?.is_some());
/// assert_eq!(store.get("key").await?.unwrap().value(), b"value");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct MemoryStore(Arc<Inner>);

struct Inner {
    /// Unbounded and without expiry: it evicts nothing, and only `clock` decides what has expired.
    records: Cache<Arc<str>, Arc<Kept>, RandomState>,
    /// Held by every write, so that writes are serialized.
    index: Mutex<Index>,
    watchers: Watchers,
    clock: Arc<dyn Clock>,
    max_bytes: u64,
    max_anonymous_bytes: u64,
}

struct Kept {
    value: Arc<[u8]>,
    version: u64,
    /// Monotonic time.
    deadline: Option<Duration>,
    owner: Option<Arc<str>>,
    anonymous: bool,
}

impl Kept {
    fn weight(&self, key: &str) -> u64 {
        let owner = self.owner.as_ref().map_or(0, |owner| OWNER + owner.len());
        (OVERHEAD + key.len() + self.value.len() + owner) as u64
    }

    fn is_live(&self, now: Duration) -> bool {
        self.deadline.is_none_or(|deadline| now < deadline)
    }

    fn record(&self, now: Duration) -> Record {
        let record = Record::new(self.value.clone(), self.version);
        match self.deadline {
            Some(deadline) => record.with_ttl(deadline.saturating_sub(now)),
            None => record,
        }
    }
}

/// Indexes by owner and deadline. They list exactly the records that are kept.
#[derive(Default)]
struct Index {
    owners: HashMap<Arc<str>, HashSet<Arc<str>>>,
    /// By deadline and version.
    deadlines: BTreeMap<(Duration, u64), Arc<str>>,
    count: usize,
    bytes: u64,
    /// The share of anonymous records.
    anonymous_bytes: u64,
    /// The last version given. Shared by all keys, so that none gets a version twice.
    version: u64,
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Index> {
        lock(&self.index)
    }

    fn live(&self, key: &str, now: Duration) -> Option<Arc<Kept>> {
        self.records.get(key).filter(|kept| kept.is_live(now))
    }

    fn read(&self, key: &str) -> Option<Record> {
        let kept = self.records.get(key)?;
        // Most lookups miss, so only a hit reads the clock.
        let now = self.clock.monotonic();
        kept.is_live(now).then(|| kept.record(now))
    }

    fn put(&self, index: &mut Index, key: &str, mut kept: Kept) -> u64 {
        index.version += 1;
        kept.version = index.version;
        let key: Arc<str> = key.into();
        if let Some(deadline) = kept.deadline {
            index.deadlines.insert((deadline, kept.version), key.clone());
        }
        if let Some(owner) = &kept.owner {
            let keys = index.owners.entry(owner.clone()).or_default();
            keys.insert(key.clone());
        }
        index.count += 1;
        let weight = kept.weight(&key);
        index.bytes += weight;
        if kept.anonymous {
            index.anonymous_bytes += weight;
        }
        self.records.insert(key, Arc::new(kept));
        index.version
    }

    /// Removes a record from the index only.
    fn unlist(index: &mut Index, key: &str, kept: &Kept) {
        if let Some(deadline) = kept.deadline {
            index.deadlines.remove(&(deadline, kept.version));
        }
        if let Some(owner) = &kept.owner
            && let Some(keys) = index.owners.get_mut(owner)
        {
            keys.remove(key);
            if keys.is_empty() {
                index.owners.remove(owner);
            }
        }
        index.count -= 1;
        let weight = kept.weight(key);
        index.bytes -= weight;
        if kept.anonymous {
            index.anonymous_bytes -= weight;
        }
    }

    /// Checks that there is room for `more` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if there is not.
    fn check_room(&self, index: &Index, more: u64, anonymous: bool) -> Result<(), Error> {
        let full = |what: &str, bytes: u64, setting: &str| {
            let message = format!("{what} is full ({bytes} bytes): raise .{setting}(…)");
            Err(Error::new(ErrorKind::Storage, message))
        };
        if more == 0 {
            return Ok(());
        }
        if index.bytes.saturating_add(more) > self.max_bytes {
            return full("the memory store", self.max_bytes, "max_bytes");
        }
        if anonymous && index.anonymous_bytes.saturating_add(more) > self.max_anonymous_bytes {
            return full(
                "the memory store's part for clients that have not authenticated",
                self.max_anonymous_bytes,
                "max_anonymous_bytes",
            );
        }
        Ok(())
    }

    /// Checks for room like [`check_room`](Self::check_room), removing expired records as needed.
    fn make_room(
        &self,
        index: &mut Index,
        now: Duration,
        more: u64,
        anonymous: bool,
    ) -> Result<(), Error> {
        loop {
            let room = self.check_room(index, more, anonymous);
            if room.is_ok() || self.sweep(index, now, SWEPT_FOR_ROOM) == 0 {
                return room;
            }
        }
    }

    /// Removes a record, live or expired.
    fn drop_record(&self, index: &mut Index, key: &str) {
        if let Some(kept) = self.records.remove(key) {
            Self::unlist(index, key, &kept);
        }
    }

    /// Removes up to `most` expired records.
    fn sweep(&self, index: &mut Index, now: Duration, most: usize) -> u64 {
        let mut swept = 0;
        for _ in 0..most {
            match index.deadlines.first_key_value() {
                Some((&(deadline, _), key)) if deadline <= now => {
                    let key = key.clone();
                    self.drop_record(index, &key);
                    swept += 1;
                }
                _ => break,
            }
        }
        swept
    }

    fn deadline(ttl: Option<Duration>, now: Duration) -> Option<Duration> {
        ttl.map(|ttl| now.saturating_add(ttl))
    }

    fn insert(&self, key: &str, new: NewRecord) -> Result<Option<u64>, Error> {
        check_key(key)?;
        let mut index = self.lock();
        let now = self.clock.monotonic();
        self.sweep(&mut index, now, SWEPT_PER_WRITE);
        if self.live(key, now).is_some() {
            return Ok(None);
        }
        self.drop_record(&mut index, key);
        let kept = Kept {
            value: new.value.into(),
            version: 0,
            deadline: Self::deadline(new.ttl, now),
            owner: new.owner.map(Into::into),
            anonymous: new.anonymous,
        };
        self.make_room(&mut index, now, kept.weight(key), kept.anonymous)?;
        let version = self.put(&mut index, key, kept);
        drop(index);
        self.watchers.notify(Change::Key(key));
        Ok(Some(version))
    }

    fn replace(
        &self,
        key: &str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> Result<Option<u64>, Error> {
        check_key(key)?;
        let mut index = self.lock();
        let now = self.clock.monotonic();
        self.sweep(&mut index, now, SWEPT_PER_WRITE);
        let Some(old) = self.live(key, now).filter(|found| found.version == version) else {
            return Ok(None);
        };
        let kept = Kept {
            value: value.into(),
            version: 0,
            deadline: Self::deadline(ttl, now),
            owner: old.owner.clone(),
            anonymous: old.anonymous,
        };
        let more = kept.weight(key).saturating_sub(old.weight(key));
        self.make_room(&mut index, now, more, kept.anonymous)?;
        Self::unlist(&mut index, key, &old);
        // A single step, so that readers always see a record.
        let version = self.put(&mut index, key, kept);
        drop(index);
        self.watchers.notify(Change::Key(key));
        Ok(Some(version))
    }

    fn remove(&self, key: &str) -> Result<bool, Error> {
        check_key(key)?;
        let mut index = self.lock();
        let now = self.clock.monotonic();
        self.sweep(&mut index, now, SWEPT_PER_WRITE);
        let removed = self.live(key, now).is_some();
        self.drop_record(&mut index, key);
        drop(index);
        if removed {
            self.watchers.notify(Change::Key(key));
        }
        Ok(removed)
    }

    /// Returns the live records of an owner.
    fn listed(&self, index: &Index, owner: &str, now: Duration) -> Vec<(String, Record)> {
        let keys = index.owners.get(owner).into_iter().flatten();
        keys.filter_map(|key| {
            let kept = self.live(key, now)?;
            Some((key.to_string(), kept.record(now)))
        })
        .collect()
    }

    fn owned(&self, owner: &str) -> Vec<(String, Record)> {
        let index = self.lock();
        self.listed(&index, owner, self.clock.monotonic())
    }

    fn remove_owned(&self, owner: &str) -> u64 {
        let mut index = self.lock();
        let now = self.clock.monotonic();
        self.sweep(&mut index, now, SWEPT_PER_WRITE);
        let removed = self.listed(&index, owner, now);
        for (key, _) in &removed {
            self.drop_record(&mut index, key);
        }
        drop(index);
        for (key, _) in &removed {
            self.watchers.notify(Change::Key(key));
        }
        removed.len() as u64
    }
}

impl MemoryStore {
    /// Creates an empty store of at most 512 MiB.
    pub fn new() -> Self {
        Self::builder().build()
    }

    pub(super) fn with(clock: Arc<dyn Clock>, max_bytes: u64, max_anonymous_bytes: u64) -> Self {
        Self(Arc::new(Inner {
            records: Cache::builder().build_with_hasher(RandomState::default()),
            index: Mutex::default(),
            watchers: Watchers::default(),
            clock,
            max_bytes,
            max_anonymous_bytes,
        }))
    }

    /// Returns a builder for a store.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder::new()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            check_key(key)?;
            Ok(self.0.read(key))
        })
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move { self.0.insert(key, record) })
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move { self.0.replace(key, version, value, ttl) })
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move { self.0.remove(key) })
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        Box::pin(async move { Ok(self.0.owned(owner)) })
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        Box::pin(async move { Ok(self.0.remove_owned(owner)) })
    }

    fn purge(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut index = self.0.lock();
            let now = self.0.clock.monotonic();
            Ok(self.0.sweep(&mut index, now, usize::MAX))
        })
    }

    fn peek(&self, key: &str) -> Option<Option<Record>> {
        check_key(key).ok()?;
        Some(self.0.read(key))
    }

    fn watch(&self, watcher: Watcher) -> bool {
        self.0.watchers.add_live(watcher);
        true
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = self.0.lock();
        f.debug_struct("MemoryStore")
            .field("records", &index.count)
            .field("bytes", &index.bytes)
            .field("max_bytes", &self.0.max_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A clock in milliseconds that is set by hand.
    #[derive(Clone, Default)]
    struct Hand(Arc<AtomicU64>);

    impl Clock for Hand {
        fn now(&self) -> Duration {
            self.monotonic()
        }

        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::SeqCst))
        }
    }

    fn new(millis: u64, owner: &str) -> NewRecord {
        NewRecord::new(*b"v").expires_after(Duration::from_millis(millis)).owned_by(owner)
    }

    fn kept(store: &Inner) -> (usize, usize, usize, u64) {
        store.records.run_pending_tasks();
        let index = store.lock();
        let owned = index.owners.values().map(HashSet::len).sum();
        let records = store.records.entry_count();
        (index.count, index.deadlines.len(), owned, records)
    }

    #[test]
    fn the_index_lists_exactly_the_kept_records() {
        let clock = Hand::default();
        let store = MemoryStore::builder().clock(clock.clone()).build().0;
        for number in 0..100 {
            let owner = if number % 2 == 0 { "even" } else { "odd" };
            let key = number.to_string();
            store.insert(&key, new(number + 1, owner)).unwrap().unwrap();
        }
        assert_eq!(kept(&store), (100, 100, 100, 100));
        // Replacing drops the deadline and keeps the owner. Removing drops everything.
        let version = store.read("99").unwrap().version();
        store.replace("99", version, vec![], None).unwrap().unwrap();
        assert!(store.remove("98").unwrap());
        assert_eq!(kept(&store), (99, 98, 99, 99));
        // Each write frees at most `SWEPT_PER_WRITE` of the 50 expired records.
        clock.0.store(50, Ordering::SeqCst);
        assert!(!store.remove("none").unwrap());
        assert_eq!(kept(&store).0, 99 - SWEPT_PER_WRITE);
        assert_eq!(store.remove_owned("odd"), 25);
        assert_eq!(kept(&store), (24, 24, 24, 24));
        clock.0.store(1_000, Ordering::SeqCst);
        assert_eq!(store.sweep(&mut store.lock(), clock.monotonic(), 100), 24);
        assert_eq!(kept(&store), (0, 0, 0, 0));
        assert!(store.lock().owners.is_empty());
    }

    #[test]
    fn a_full_store_rejects_insertions_and_keeps_live_records() {
        let clock = Hand::default();
        let store = MemoryStore::builder()
            .clock(clock.clone())
            .max_bytes(100 * (OVERHEAD + OWNER + 6) as u64)
            .build()
            .0;
        for number in 100..200 {
            store.insert(&number.to_string(), new(10, "al")).unwrap().unwrap();
        }
        let full = store.insert("more", new(10, "al")).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::Storage);
        assert!(full.message().contains(".max_bytes("), "{full}");
        assert_eq!(store.owned("al").len(), 100);
        // Existing records can still be changed, and expired ones make room.
        let version = store.read("107").unwrap().version();
        let larger = store.replace("107", version, b"vv".to_vec(), None);
        assert_eq!(larger.unwrap_err().kind(), ErrorKind::Storage);
        assert_eq!(store.read("107").unwrap().version(), version);
        let same = store.replace("107", version, b"w".to_vec(), None);
        assert!(same.unwrap().is_some());
        clock.0.store(10, Ordering::SeqCst);
        assert!(store.insert("more", new(10, "al")).unwrap().is_some());
        assert_eq!(store.owned("al").len(), 2);
    }

    /// A large or an anonymous record may need more room than the fixed number that a write frees.
    #[test]
    fn what_expired_is_never_in_the_way() {
        let clock = Hand::default();
        let store = MemoryStore::builder()
            .clock(clock.clone())
            .max_bytes(10 << 20)
            .max_anonymous_bytes(1 << 20)
            .build()
            .0;
        let fill = |name: &str, new: NewRecord| {
            let inserted = |at: &usize| store.insert(&format!("{name} {at}"), new.clone()).is_ok();
            (0..).take_while(inserted).count()
        };
        let one = |millis| NewRecord::new(*b"v").expires_after(Duration::from_millis(millis));
        assert!(fill("stranger", one(20).for_anonymous()) > 1_000);
        assert!(fill("user", one(10)) > 10_000);
        clock.0.store(20, Ordering::SeqCst);
        let large = NewRecord::new(vec![0; 5 << 20]);
        assert!(store.insert("large", large).unwrap().is_some());
        assert!(store.lock().count > 1_000, "only what was in the way went");
        let stranger = store.insert("stranger", one(10).for_anonymous());
        assert!(stranger.unwrap().is_some());
    }

    #[test]
    fn removed_records_free_their_bytes() {
        let clock = Hand::default();
        let store = MemoryStore::builder().clock(clock.clone()).build().0;
        let bytes = |store: &Inner| {
            let index = store.lock();
            (index.bytes, index.anonymous_bytes)
        };
        store.insert("a", new(10, "ann")).unwrap().unwrap();
        let anonymous = NewRecord::new([0; 100]).for_anonymous();
        let version = store.insert("b", anonymous).unwrap().unwrap();
        let (all, strangers) = bytes(&store);
        assert_eq!(strangers, (OVERHEAD + 101) as u64);
        assert_eq!(all, strangers + (OVERHEAD + OWNER + 5) as u64);
        // A replaced record stays anonymous.
        store.replace("b", version, vec![], None).unwrap().unwrap();
        assert_eq!(bytes(&store), (all - 100, strangers - 100));
        clock.0.store(10, Ordering::SeqCst);
        assert!(store.remove("b").unwrap());
        assert_eq!(bytes(&store), (0, 0));
    }
}
