//! The store over a backend: within one process it guarantees what tower-sessions does not.

use super::backend::Backend;
use super::entry::{Entry, Kind, id_of};
use super::index::Index;
use crate::core::settings::setters;
use crate::core::{Clock, Error, ErrorKind, SystemClock, debug_fields, millis};
use crate::store::{NewRecord, Record, Store, StoreFuture, check_key};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::sync::{Mutex, MutexGuard, Semaphore};
use tokio::time::timeout;
use tower_sessions_core::SessionStore;

/// Number of locks; keys that share one wait for each other.
const LOCKS: usize = 1024;
/// Maximum number of writes in progress. While a backend hangs, more are rejected.
const WRITES: usize = 1024;
/// Time after which a hanging write is abandoned and its key unlocked.
const HUNG: Duration = Duration::from_secs(30);
/// Number of keys from which an index is pruned, at each power of two.
const PRUNED_FROM: usize = 16;

/// A store over a tower-sessions store. With several processes, updates and logouts may be lost.
///
/// The backend implements the trait of `tower-sessions-core` 0.15
/// ([tower-sessions](https://docs.rs/tower-sessions)). Clones share the locks described below.
///
/// The trait of tower-sessions only loads, saves and deletes a record by its id: it cannot replace
/// a record of one version only. So this store keeps the guarantees of [`Store`] **inside one
/// process**, where writers of one key wait for each other; every part of the process must use
/// clones of one `TowerSessionsStore`. **If several processes write to one backend, these
/// guarantees are weaker:**
///
/// - [`replace`](Store::replace): two processes that replace one version at the same moment may
///   both succeed, and the later value stays (a lost update).
/// - [`remove`](Store::remove) and [`remove_owned`](Store::remove_owned): a record that one process
///   removes while another is replacing it may come back. For sessions this means that **a logout
///   that races a request in another process may not hold**. The window is the time between the
///   other process's load and its save, about a round trip to the backend. Both processes may
///   report that they removed one record.
/// - [`insert`](Store::insert): as sound as the backend's `create`; if that checks nothing (the
///   trait's default), two processes may both succeed.
/// - [`owned`](Store::owned) and [`remove_owned`](Store::remove_owned): each owner has a list of
///   keys in the backend. If two processes insert records of one owner at the same moment, one key
///   may be missing from the list until it is written again: that session is not shown among the
///   devices, and a logout everywhere misses it.
/// - Changes by other processes are not learned: [`watch`](Store::watch) returns `false`, and a
///   [`CachedStore`](crate::store::CachedStore) in front caches nothing.
///
/// If that is too weak, let only one process write, or use `RedisStore`. Further properties:
///
/// - An id has 128 bits of the key's SHA-256. The record contains the whole key, which is compared.
/// - A version is 64 random bits: the odds that one repeats for a key are 2⁻⁶⁴.
/// - Lifetimes follow the wall clock, to the millisecond. The backend may erase a record five
///   minutes after it expired. Its own deletion task (`continuously_delete_expired`) must run for
///   that: [`purge`](Store::purge) does nothing.
/// - Use **a separate table**: a `SessionManagerLayer` on the same table lets clients name these
///   records by their cookie.
/// - An answer takes at most [`timeout`](TowerSessionsStoreBuilder::timeout) per record. A write
///   that takes longer continues, and other writes of its key wait for it.
///
/// # Example
/// ```no_run
/// use jamguard::store::TowerSessionsStore;
/// # fn example(postgres: impl tower_sessions_core::SessionStore) {
/// let store = TowerSessionsStore::new(postgres);       // clone it, never make a second one
/// # }
/// ```
#[derive(Clone)]
pub struct TowerSessionsStore(Arc<Inner>);

impl TowerSessionsStore {
    /// Creates a store over one that implements the trait of `tower-sessions-core` 0.15.
    pub fn new(store: impl SessionStore) -> Self {
        Self::builder(store).finish()
    }

    /// Returns a builder over a store that implements the trait of `tower-sessions-core` 0.15.
    pub fn builder(store: impl SessionStore) -> TowerSessionsStoreBuilder {
        TowerSessionsStoreBuilder {
            backend: Backend(Box::new(store)),
            clock: Arc::new(SystemClock),
            timeout: Duration::from_millis(250),
        }
    }
}

struct Inner {
    backend: Backend,
    clock: Arc<dyn Clock>,
    timeout: Duration,
    /// Held from before a record is read until it is written.
    keys: Locks,
    /// Locks of the owners' lists. A holder of one takes no lock of `keys`.
    owners: Locks,
    writes: Arc<Semaphore>,
}

struct Locks(Box<[Mutex<()>]>);

impl Locks {
    fn new() -> Self {
        Self((0..LOCKS).map(|_| Mutex::new(())).collect())
    }

    async fn lock(&self, id: i128) -> MutexGuard<'_, ()> {
        let [first, second, ..] = id.to_le_bytes();
        let at = usize::from(u16::from_le_bytes([first, second])) % LOCKS;
        self.0[at].lock().await
    }
}

fn late() -> Error {
    Error::new(ErrorKind::Unavailable, "the tower-sessions store did not answer in time")
}

impl Inner {
    /// Returns the end of a lifetime in Unix milliseconds; `None` if it is out of range.
    fn until(&self, ttl: Option<Duration>) -> Option<u64> {
        let until = self.clock.now().checked_add(ttl?)?;
        u64::try_from(until.as_millis()).ok()
    }

    /// Returns the record of a key, live or expired.
    async fn find(&self, id: i128, key: &str) -> Result<Option<Entry>, Error> {
        let data = self.backend.load(id).await?;
        data.map(|data| Entry::decode(data, key)).transpose()
    }

    async fn live(&self, id: i128, key: &str) -> Result<Option<Entry>, Error> {
        let found = self.find(id, key).await?;
        let now = self.clock.now();
        Ok(found.filter(|entry| entry.is_live(now)))
    }

    async fn insert(&self, key: String, new: NewRecord) -> Result<Option<u64>, Error> {
        let id = id_of(Kind::Record, &key);
        let _lock = self.keys.lock(id).await;
        match self.find(id, &key).await? {
            Some(entry) if entry.is_live(self.clock.now()) => return Ok(None),
            Some(_) => self.backend.delete(id).await?,
            None => {}
        }
        let entry = Entry {
            version: Entry::new_version()?,
            until: self.until(new.ttl),
            value: new.value,
            owner: new.owner,
            key,
        };
        // Listed first: a key without a record is skipped, an unlisted record is not found. And
        // again at the end: another write may have pruned the key before its record existed.
        self.list(&entry).await?;
        let create = || self.backend.create(id, entry.encode(), entry.until);
        if !create().await? {
            // Taken by another process meanwhile, or by a record that only the backend has expired.
            if self.live(id, &entry.key).await?.is_some() {
                return Ok(None);
            }
            self.backend.delete(id).await?;
            if !create().await? {
                return Ok(None);
            }
        }
        self.list(&entry).await?;
        Ok(Some(entry.version))
    }

    async fn replace(
        &self,
        key: String,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> Result<Option<u64>, Error> {
        let id = id_of(Kind::Record, &key);
        let _lock = self.keys.lock(id).await;
        let found = self.live(id, &key).await?;
        let Some(found) = found.filter(|found| found.version == version) else {
            return Ok(None);
        };
        let entry =
            Entry { value, version: Entry::new_version()?, until: self.until(ttl), ..found };
        self.list(&entry).await?;
        self.backend.save(id, entry.encode(), entry.until).await?;
        Ok(Some(entry.version))
    }

    /// Removes the record of a key, of any owner or only of this one.
    async fn remove(&self, key: String, owner: Option<&str>) -> Result<bool, Error> {
        let id = id_of(Kind::Record, &key);
        let _lock = self.keys.lock(id).await;
        let Some(found) = self.find(id, &key).await? else {
            return Ok(false);
        };
        if owner.is_some() && found.owner.as_deref() != owner {
            return Ok(false);
        }
        self.backend.delete(id).await?;
        Ok(found.is_live(self.clock.now()))
    }

    async fn index(&self, id: i128, owner: &str) -> Result<Index, Error> {
        let data = self.backend.load(id).await?;
        data.map_or_else(|| Ok(Index::of(owner)), |data| Index::decode(data, owner))
    }

    /// Adds a record's key to its owner's list, for as long as the record lives.
    async fn list(&self, entry: &Entry) -> Result<(), Error> {
        let Some(owner) = &entry.owner else {
            return Ok(());
        };
        let id = id_of(Kind::Index, owner);
        let _lock = self.owners.lock(id).await;
        let mut index = self.index(id, owner).await?;
        if !index.enter(&entry.key, entry.until, millis(self.clock.now())) {
            return Ok(());
        }
        let count = index.keys.len();
        if count >= PRUNED_FROM && count.is_power_of_two() {
            self.prune(&mut index, owner, Some(&entry.key)).await?;
        }
        self.backend.save(id, index.encode(), index.until).await
    }

    /// Drops the keys without a live record of this owner, except `but`.
    async fn prune(&self, index: &mut Index, owner: &str, but: Option<&str>) -> Result<(), Error> {
        for key in index.keys.clone() {
            if Some(&*key) != but && !self.is_owned(&key, owner).await? {
                index.keys.remove(&key);
            }
        }
        Ok(())
    }

    async fn is_owned(&self, key: &str, owner: &str) -> Result<bool, Error> {
        let found = self.live(id_of(Kind::Record, key), key).await?;
        Ok(found.is_some_and(|entry| entry.owner.as_deref() == Some(owner)))
    }

    /// Drops every dead key of an owner's list.
    async fn tidy(&self, owner: &str) -> Result<(), Error> {
        let id = id_of(Kind::Index, owner);
        let _lock = self.owners.lock(id).await;
        let mut index = self.index(id, owner).await?;
        let before = index.keys.len();
        self.prune(&mut index, owner, None).await?;
        match index.keys.len() {
            0 if before > 0 => self.backend.delete(id).await,
            left if left < before => self.backend.save(id, index.encode(), index.until).await,
            _ => Ok(()),
        }
    }
}

impl TowerSessionsStore {
    /// Reads within the timeout.
    async fn read<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        timeout(self.0.timeout, answer).await.unwrap_or_else(|_| Err(late()))
    }

    async fn live(&self, key: &str) -> Result<Option<Entry>, Error> {
        self.read(self.0.live(id_of(Kind::Record, key), key)).await
    }

    /// Writes in a separate task; `text` is a key or an owner.
    ///
    /// A caller that stops waiting leaves nothing half done, and the lock is held until the backend
    /// is done.
    async fn write<T, W>(
        &self,
        text: &str,
        write: impl FnOnce(Arc<Inner>, String) -> W,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let permit = self.0.writes.clone().try_acquire_owned();
        let permit = permit.map_err(|_| {
            Error::new(ErrorKind::Unavailable, "too many writes wait for the tower-sessions store")
        })?;
        let write = write(self.0.clone(), text.to_owned());
        let task = tokio::spawn(async move {
            let _permit = permit;
            timeout(HUNG, write).await
        });
        match timeout(self.0.timeout, task).await {
            Ok(Ok(Ok(answer))) => answer,
            Ok(Ok(Err(_))) | Err(_) => Err(late()),
            Ok(Err(task)) => Err(Error::new(
                ErrorKind::Unavailable,
                "a write to the tower-sessions store broke off: it may have happened",
            )
            .with_source(task)),
        }
    }

    /// Returns the keys in an owner's list.
    async fn listed(&self, owner: &str) -> Result<Vec<String>, Error> {
        let index = self.0.index(id_of(Kind::Index, owner), owner);
        Ok(self.read(index).await?.keys.into_iter().collect())
    }
}

impl Store for TowerSessionsStore {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        Box::pin(async move {
            check_key(key)?;
            let found = self.live(key).await?;
            Ok(found.map(|entry| entry.record(self.0.clock.now())))
        })
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            check_key(key)?;
            self.write(key, |inner, key| async move { inner.insert(key, record).await }).await
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
            check_key(key)?;
            self.write(
                key,
                |inner, key| async move { inner.replace(key, version, value, ttl).await },
            )
            .await
        })
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            check_key(key)?;
            self.write(key, |inner, key| async move { inner.remove(key, None).await }).await
        })
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        Box::pin(async move {
            let mut owned = Vec::new();
            for key in self.listed(owner).await? {
                let found = self.live(&key).await?;
                if let Some(entry) = found.filter(|e| e.owner.as_deref() == Some(owner)) {
                    owned.push((key, entry.record(self.0.clock.now())));
                }
            }
            Ok(owned)
        })
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let mut removed = 0;
            for key in self.listed(owner).await? {
                let remove = |inner: Arc<Inner>, owner: String| async move {
                    inner.remove(key, Some(&owner)).await
                };
                removed += u64::from(self.write(owner, remove).await?);
            }
            self.write(owner, |inner, owner| async move { inner.tidy(&owner).await }).await?;
            Ok(removed)
        })
    }
}

debug_fields!(TowerSessionsStore, self, timeout = self.0.timeout);

/// A builder for [`TowerSessionsStore`].
///
/// # Example
/// ```
/// use jamguard::store::TowerSessionsStore;
/// use std::time::Duration;
/// # fn example(sqlite: impl tower_sessions_core::SessionStore) -> Result<(), jamguard::Error> {
/// let store = TowerSessionsStore::builder(sqlite)
///     .timeout(Duration::from_millis(500))
///     .build()?;
/// # Ok(()) }
/// ```
#[must_use]
pub struct TowerSessionsStoreBuilder {
    backend: Backend,
    clock: Arc<dyn Clock>,
    timeout: Duration,
}

impl TowerSessionsStoreBuilder {
    setters! {
        /// Sets the clock whose wall time lifetimes follow. Default: the system clock.
        ///
        /// The backend has its own clock: if that is more than five minutes ahead, records expire
        /// early.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }

        /// Sets how long a read or write of one record may take. Default: 250 ms.
        pub fn timeout(timeout: Duration) { self.timeout = timeout }
    }

    /// Builds the store. Build one for each backend, and clone it.
    ///
    /// # Errors
    /// None today; all builders of this crate return a `Result`.
    pub fn build(self) -> Result<TowerSessionsStore, Error> {
        Ok(self.finish())
    }

    fn finish(self) -> TowerSessionsStore {
        TowerSessionsStore(Arc::new(Inner {
            backend: self.backend,
            clock: self.clock,
            timeout: self.timeout,
            keys: Locks::new(),
            owners: Locks::new(),
            writes: Arc::new(Semaphore::new(WRITES)),
        }))
    }
}

debug_fields!(TowerSessionsStoreBuilder, self, timeout = self.timeout);
