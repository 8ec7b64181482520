//! Storage of expiring records with owners: the [`Store`] trait, its backends and a cache.
//!
//! Lists of revoked tokens, refresh tokens, shared keys and sessions are views over a [`Store`], so
//! that a backend is written once.
//!
//! | store | for |
//! |---|---|
//! | [`MemoryStore`] | one process; records are lost when it ends |
//! | `FileStore` (feature `file`) | one process; records survive restarts and crashes |
//! | `RedisStore` (feature `redis`) | many processes and machines |
//! | `TowerSessionsStore` (feature `tower-sessions`) | any store of tower-sessions, such as SQL databases; one process that writes |
//! | [`CachedStore`] | a cache in front of any of them that answers in nanoseconds and is invalidated on changes |
//! | your own | [`Store`] has an example, and `testing` an acceptance suite |

mod absent;
#[cfg(feature = "file")]
mod file;
mod freshness;
pub(crate) mod memory;
pub(crate) mod near;
mod record;
#[cfg(feature = "redis")]
pub(crate) mod redis;
mod seal;
#[cfg(feature = "tower-sessions")]
mod tower_sessions;
mod update;
mod watch;

#[cfg(feature = "redis")]
pub use self::redis::{RedisStore, RedisStoreBuilder};
#[cfg(feature = "tower-sessions")]
pub use self::tower_sessions::{TowerSessionsStore, TowerSessionsStoreBuilder};
#[cfg(feature = "file")]
pub use file::{FileStore, FileStoreBuilder};
pub use memory::{MemoryStore, MemoryStoreBuilder};
pub use near::{CachedStore, CachedStoreBuilder};
pub use record::{NewRecord, Record};
pub use seal::SealingKeys;
pub(crate) use update::update;
pub use watch::{Change, Watcher};

use crate::core::{Error, ErrorKind};
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

/// The future that a [`Store`] method returns.
///
/// # Example
/// ```
/// use jamguard::store::StoreFuture;
/// fn nothing_to_purge<'a>() -> StoreFuture<'a, u64> {
///     Box::pin(async { Ok(0) })
/// }
/// ```
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

const MAX_KEY: usize = 512;

/// Checks a key. Every backend does this.
pub(crate) fn check_key(key: &str) -> Result<(), Error> {
    if key.len() <= MAX_KEY {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Storage,
        "a store's key has at most 512 bytes: use a hash of longer ones",
    ))
}

/// A store of versioned, expiring records under keys.
///
/// A backend guarantees:
/// - A key is any text of at most 512 bytes; a longer one is an error of the kind
///   [`Storage`](crate::ErrorKind::Storage). An owner is any text.
/// - **Every write is atomic**, also across processes: of concurrent [`insert`](Self::insert)s of
///   one key one succeeds, of concurrent [`replace`](Self::replace)s of one version one succeeds.
/// - **A version is never used again** for its key, even after the record was removed and the key
///   inserted again.
/// - **An expired record is never returned**; [`purge`](Self::purge) only frees its space, which a
///   backend also does in the background.
/// - An acknowledged write is kept; a lost connection or a full disk is an error, never a silent
///   loss.
/// - An outage is an error of the kind [`Unavailable`](crate::ErrorKind::Unavailable), within a
///   timeout of the backend (default: 250 ms); a damaged or full medium is
///   [`Storage`](crate::ErrorKind::Storage).
///
/// # Implementing a store
/// `testing::store_suite` tests an implementation for all of this.
///
/// ```
/// use jamguard::store::{NewRecord, Record, Store, StoreFuture};
/// use jamguard::{Error, ErrorKind};
/// use std::{collections::HashMap, future, sync::Mutex, time::{Duration, Instant}};
///
/// #[derive(Default)]
/// struct Shelf(Mutex<(HashMap<String, Item>, u64)>);      // and the version last given
///
/// struct Item { value: Vec<u8>, version: u64, until: Option<Instant>, owner: Option<String> }
///
/// impl Item {
///     fn is_live(&self) -> bool { self.until.is_none_or(|until| Instant::now() < until) }
///     fn record(&self) -> Record {
///         let record = Record::new(&*self.value, self.version);
///         match self.until {
///             Some(until) => record.with_ttl(until.saturating_duration_since(Instant::now())),
///             None => record,
///         }
///     }
/// }
///
/// fn until(ttl: Option<Duration>) -> Option<Instant> { Instant::now().checked_add(ttl?) }
///
/// impl Shelf {
///     fn with<T: Send + 'static>(
///         &self,
///         key: &str,
///         act: impl FnOnce(&mut HashMap<String, Item>, &mut u64) -> T,
///     ) -> StoreFuture<'_, T> {
///         if key.len() > 512 {
///             return Box::pin(future::ready(Err(Error::new(ErrorKind::Storage, "a long key"))));
///         }
///         let mut locked = self.0.lock().unwrap();
///         let (items, version) = &mut *locked;
///         items.retain(|_, item| item.is_live());
///         Box::pin(future::ready(Ok(act(items, version))))
///     }
/// }
///
/// impl Store for Shelf {
///     fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
///         self.with(key, |items, _| items.get(key).map(Item::record))
///     }
///     fn insert<'a>(&'a self, key: &'a str, new: NewRecord) -> StoreFuture<'a, Option<u64>> {
///         self.with(key, |items, version| {
///             if items.contains_key(key) { return None }
///             *version += 1;
///             let NewRecord { value, ttl, owner, .. } = new;
///             let item = Item { value, version: *version, until: until(ttl), owner };
///             items.insert(key.to_owned(), item);
///             Some(*version)
///         })
///     }
///     fn replace<'a>(
///         &'a self, key: &'a str, old: u64, value: Vec<u8>, ttl: Option<Duration>,
///     ) -> StoreFuture<'a, Option<u64>> {
///         self.with(key, |items, version| {
///             let item = items.get_mut(key).filter(|item| item.version == old)?;
///             *version += 1;
///             (item.value, item.version, item.until) = (value, *version, until(ttl));
///             Some(*version)
///         })
///     }
///     fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
///         self.with(key, |items, _| items.remove(key).is_some())
///     }
///     fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
///         self.with("", |items, _| {
///             let theirs = items.iter().filter(|(_, item)| item.owner.as_deref() == Some(owner));
///             theirs.map(|(key, item)| (key.clone(), item.record())).collect()
///         })
///     }
///     fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
///         self.with("", |items, _| {
///             let before = items.len();
///             items.retain(|_, item| item.owner.as_deref() != Some(owner));
///             (before - items.len()) as u64
///         })
///     }
/// }
/// # #[cfg(feature = "testing")]
/// # fn main() { tokio::runtime::Runtime::new().unwrap().block_on(async {
/// #     let shelf = std::sync::Arc::new(Shelf::default());
/// #     jamguard::testing::store_suite(async || shelf.clone(), tokio::time::sleep).await;
/// # }) }
/// # #[cfg(not(feature = "testing"))]
/// # fn main() {}
/// ```
pub trait Store: Send + Sync + 'static {
    /// Returns the record of a key, or `None` if there is none.
    ///
    /// # Errors
    /// If the backend cannot answer.
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>>;

    /// Inserts a record and returns its version; `None` if the key already has a record.
    ///
    /// # Errors
    /// If the backend fails; the write may still have happened.
    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>>;

    /// Replaces the value and lifetime of a record that still has this version.
    ///
    /// Returns the new version; `None` if the record has another one or is gone. The owner stays.
    ///
    /// # Errors
    /// The errors of [`insert`](Self::insert).
    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>>;

    /// Removes a record; returns whether there was one.
    ///
    /// # Errors
    /// The errors of [`insert`](Self::insert).
    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool>;

    /// Returns the keys and records of an owner, in no particular order.
    ///
    /// # Errors
    /// If the backend cannot answer.
    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>>;

    /// Returns how many records an owner has whose values begin with these bytes.
    ///
    /// The default reads all records of the owner; a backend should count without, if it can.
    ///
    /// # Errors
    /// If the backend cannot answer.
    fn count_owned<'a>(&'a self, owner: &'a str, prefix: &'a [u8]) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let owned = self.owned(owner).await?;
            let counted = owned.iter().filter(|(_, record)| record.value().starts_with(prefix));
            Ok(counted.count() as u64)
        })
    }

    /// Removes every record that the owner had when this began; returns how many.
    ///
    /// # Errors
    /// The errors of [`insert`](Self::insert); some records may then be removed and others not.
    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64>;

    /// Frees the space of expired records; returns how many.
    ///
    /// The default returns 0, for a backend that frees it by itself.
    ///
    /// # Errors
    /// If the backend fails.
    fn purge(&self) -> StoreFuture<'_, u64> {
        Box::pin(async { Ok(0) })
    }

    /// Returns the record of a key if that takes no waiting.
    ///
    /// `Some(None)` means that there certainly is none. `None` means that only [`get`](Self::get)
    /// can tell, which is the default.
    fn peek(&self, key: &str) -> Option<Option<Record>> {
        let _ = key;
        None
    }

    /// Notifies the watcher of each key whose record is written from now on, by any process.
    ///
    /// A write of this process is reported before it returns, others as soon as the backend learns
    /// of them. `false` means that the backend cannot do this: nothing may be cached. This is the
    /// default.
    ///
    /// The first notification is [`Change::Live`]: inside this call if changes are followed
    /// already, otherwise once the connection for other processes' changes is up. Nothing may be
    /// cached before.
    fn watch(&self, watcher: Watcher) -> bool {
        let _ = watcher;
        false
    }
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        (**self).get(key)
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        (**self).insert(key, record)
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        (**self).replace(key, version, value, ttl)
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        (**self).remove(key)
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        (**self).owned(owner)
    }

    fn count_owned<'a>(&'a self, owner: &'a str, prefix: &'a [u8]) -> StoreFuture<'a, u64> {
        (**self).count_owned(owner, prefix)
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        (**self).remove_owned(owner)
    }

    fn purge(&self) -> StoreFuture<'_, u64> {
        (**self).purge()
    }

    fn peek(&self, key: &str) -> Option<Option<Record>> {
        (**self).peek(key)
    }

    fn watch(&self, watcher: Watcher) -> bool {
        (**self).watch(watcher)
    }
}
