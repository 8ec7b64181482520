//! The records, their bounds, and the operations on them.

use crate::core::{Clock, Error, ErrorKind, lock};
use crate::store::watch::{Change, Watcher, Watchers};
use crate::store::{NewRecord, Record, Store, StoreFuture, check_key};
use foldhash::quality::RandomState;
use moka::sync::Cache;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::{fmt, time::Duration};

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
/// bound](super::MemoryStoreBuilder::max_anonymous_bytes): however many logins strangers begin, there is
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
pub struct MemoryStore(pub(super) Arc<Records>);

pub(super) struct Records {
    /// Unbounded and without expiry: it evicts nothing, and only `clock` decides what has expired.
    pub(super) by_key: Cache<Arc<str>, Arc<Kept>, RandomState>,
    /// Held by every write, so that writes are serialized.
    pub(super) index: Mutex<Index>,
    pub(super) watchers: Watchers,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) max_bytes: u64,
    pub(super) max_anonymous_bytes: u64,
}

pub(super) struct Kept {
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
        let ttl = self.deadline.map(|deadline| deadline.saturating_sub(now));
        Record { value: self.value.clone(), version: self.version, ttl }
    }
}

/// Indexes by owner and deadline. They list exactly the records that are kept.
#[derive(Default)]
pub(super) struct Index {
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

impl Index {
    fn add(&mut self, key: &Arc<str>, kept: &Kept) {
        if let Some(deadline) = kept.deadline {
            self.deadlines.insert((deadline, kept.version), key.clone());
        }
        if let Some(owner) = &kept.owner {
            self.owners.entry(owner.clone()).or_default().insert(key.clone());
        }
        self.count += 1;
        let weight = kept.weight(key);
        self.bytes += weight;
        self.anonymous_bytes += if kept.anonymous { weight } else { 0 };
    }

    fn remove(&mut self, key: &str, kept: &Kept) {
        if let Some(deadline) = kept.deadline {
            self.deadlines.remove(&(deadline, kept.version));
        }
        if let Some(owner) = &kept.owner
            && let Some(keys) = self.owners.get_mut(owner)
        {
            keys.remove(key);
            if keys.is_empty() {
                self.owners.remove(owner);
            }
        }
        self.count -= 1;
        let weight = kept.weight(key);
        self.bytes -= weight;
        self.anonymous_bytes -= if kept.anonymous { weight } else { 0 };
    }
}

/// Records with their keys.
type OwnedRecords = Vec<(Arc<str>, Arc<Kept>)>;

impl Records {
    fn live(&self, key: &str, now: Duration) -> Option<Arc<Kept>> {
        self.by_key.get(key).filter(|kept| kept.is_live(now))
    }

    fn read(&self, key: &str) -> Option<Record> {
        let kept = self.by_key.get(key)?;
        // Most lookups miss, so only a hit reads the clock.
        let now = self.clock.monotonic();
        kept.is_live(now).then(|| kept.record(now))
    }

    /// Runs a write, alone and at one time.
    fn write<T>(&self, change: impl FnOnce(&mut Index, Duration) -> T) -> T {
        let mut index = lock(&self.index);
        let now = self.clock.monotonic();
        self.sweep(&mut index, now, SWEPT_PER_WRITE);
        change(&mut index, now)
    }

    /// Notifies the watchers, after the write has released the index.
    fn changed<'a>(&self, keys: impl IntoIterator<Item = &'a str>) {
        keys.into_iter().for_each(|key| self.watchers.notify(Change::Key(key)));
    }

    /// Stores a record. In place of another one this is a single step: readers always see a record.
    fn put(&self, index: &mut Index, key: &str, mut kept: Kept) -> u64 {
        index.version += 1;
        kept.version = index.version;
        let key: Arc<str> = key.into();
        index.add(&key, &kept);
        self.by_key.insert(key, Arc::new(kept));
        index.version
    }

    /// Checks that there is room for `more` bytes.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if there is not.
    fn check_room(&self, index: &Index, more: u64, anonymous: bool) -> Result<(), Error> {
        let (what, bytes, setting) = if more == 0 {
            return Ok(());
        } else if index.bytes.saturating_add(more) > self.max_bytes {
            ("the memory store", self.max_bytes, "max_bytes")
        } else if anonymous && index.anonymous_bytes.saturating_add(more) > self.max_anonymous_bytes
        {
            let part = "the memory store's part for clients that have not authenticated";
            (part, self.max_anonymous_bytes, "max_anonymous_bytes")
        } else {
            return Ok(());
        };
        let message = format!("{what} is full ({bytes} bytes): raise .{setting}(…)");
        Err(Error::new(ErrorKind::Storage, message))
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
        if let Some(kept) = self.by_key.remove(key) {
            index.remove(key, &kept);
        }
    }

    /// Removes up to `most` expired records; returns how many.
    fn sweep(&self, index: &mut Index, now: Duration, most: usize) -> u64 {
        let mut swept = 0;
        while swept < most
            && let Some((&(deadline, _), key)) = index.deadlines.first_key_value()
            && deadline <= now
        {
            let key = key.clone();
            self.drop_record(index, &key);
            swept += 1;
        }
        swept as u64
    }

    fn insert(&self, key: &str, new: NewRecord) -> Result<Option<u64>, Error> {
        check_key(key)?;
        let version = self.write(|index, now| -> Result<Option<u64>, Error> {
            if self.live(key, now).is_some() {
                return Ok(None);
            }
            self.drop_record(index, key);
            let kept = Kept {
                value: new.value.into(),
                version: 0,
                deadline: new.ttl.map(|ttl| now.saturating_add(ttl)),
                owner: new.owner.map(Into::into),
                anonymous: new.anonymous,
            };
            self.make_room(index, now, kept.weight(key), kept.anonymous)?;
            Ok(Some(self.put(index, key, kept)))
        })?;
        self.changed(version.map(|_| key));
        Ok(version)
    }

    fn replace(
        &self,
        key: &str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> Result<Option<u64>, Error> {
        check_key(key)?;
        let version = self.write(|index, now| -> Result<Option<u64>, Error> {
            let Some(old) = self.live(key, now).filter(|found| found.version == version) else {
                return Ok(None);
            };
            let kept = Kept {
                value: value.into(),
                version: 0,
                deadline: ttl.map(|ttl| now.saturating_add(ttl)),
                owner: old.owner.clone(),
                anonymous: old.anonymous,
            };
            let more = kept.weight(key).saturating_sub(old.weight(key));
            self.make_room(index, now, more, kept.anonymous)?;
            index.remove(key, &old);
            Ok(Some(self.put(index, key, kept)))
        })?;
        self.changed(version.map(|_| key));
        Ok(version)
    }

    fn remove(&self, key: &str) -> Result<bool, Error> {
        check_key(key)?;
        let removed = self.write(|index, now| {
            let live = self.live(key, now).is_some();
            self.drop_record(index, key);
            live
        });
        self.changed(removed.then_some(key));
        Ok(removed)
    }

    /// Returns the live records of an owner.
    fn listed(&self, index: &Index, owner: &str, now: Duration) -> Vec<(Arc<str>, Arc<Kept>)> {
        let keys = index.owners.get(owner).into_iter().flatten();
        keys.filter_map(|key| Some((key.clone(), self.live(key, now)?))).collect()
    }

    /// Returns the live records of an owner, and the time at which they are.
    fn owned(&self, owner: &str) -> (OwnedRecords, Duration) {
        let index = lock(&self.index);
        let now = self.clock.monotonic();
        (self.listed(&index, owner, now), now)
    }

    fn remove_owned(&self, owner: &str) -> u64 {
        let removed = self.write(|index, now| {
            let removed = self.listed(index, owner, now);
            removed.iter().for_each(|(key, _)| self.drop_record(index, key));
            removed
        });
        self.changed(removed.iter().map(|(key, _)| &**key));
        removed.len() as u64
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
        Box::pin(async move {
            let (owned, now) = self.0.owned(owner);
            Ok(owned.iter().map(|(key, kept)| (key.to_string(), kept.record(now))).collect())
        })
    }

    fn count_owned<'a>(&'a self, owner: &'a str, prefix: &'a [u8]) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let (owned, _) = self.0.owned(owner);
            Ok(owned.iter().filter(|(_, kept)| kept.value.starts_with(prefix)).count() as u64)
        })
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        Box::pin(async move { Ok(self.0.remove_owned(owner)) })
    }

    fn purge(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let mut index = lock(&self.0.index);
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
        let index = lock(&self.0.index);
        f.debug_struct("MemoryStore")
            .field("records", &index.count)
            .field("bytes", &index.bytes)
            .field("max_bytes", &self.0.max_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
