//! Records that expire, change by compare-and-set, and belong to somebody: one trait, whatever
//! keeps them.
//!
//! Lists of revoked tokens, refresh tokens, shared keys and sessions are views over a [`Store`], so
//! that a backend is written once.
//!
//! | store | for |
//! |---|---|
//! | [`MemoryStore`] | one process, and as long as it runs |
//! | `FileStore` (feature `file`) | one process, kept through restarts and crashes |
//! | `RedisStore` (feature `redis`) | many processes and machines |
//! | `TowerSessionsStore` (feature `tower-sessions`) | any store of tower-sessions: SQL databases and more; one process that writes |
//! | [`Near`] | in front of any of them: answers in nanoseconds, kept right |
//! | one of your own | [`Store`] has an example, and `testing` an acceptance suite |

mod absent;
#[cfg(feature = "file")]
mod file;
mod memory;
mod near;
mod record;
#[cfg(feature = "redis")]
mod redis;
mod seal;
#[cfg(feature = "tower-sessions")]
mod tower_sessions;
mod watch;

#[cfg(feature = "redis")]
pub use self::redis::{RedisStore, RedisStoreBuilder};
#[cfg(feature = "tower-sessions")]
pub use self::tower_sessions::{TowerSessionsStore, TowerSessionsStoreBuilder};
#[cfg(feature = "file")]
pub use file::{FileStore, FileStoreBuilder};
pub use memory::{MemoryStore, MemoryStoreBuilder};
pub use near::{Near, NearBuilder};
pub use record::{NewRecord, Record};
pub use seal::SealingKeys;
pub use watch::{Change, Watcher};

use crate::core::error::{Error, ErrorKind};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The answer to come of a [`Store`].
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

/// What every backend checks of a key.
pub(crate) fn check_key(key: &str) -> Result<(), Error> {
    if key.len() <= MAX_KEY {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Storage,
        "a store's key has at most 512 bytes: use a hash of longer ones",
    ))
}

/// Keeps versioned, expiring records under keys.
///
/// What a backend promises:
/// - A key is any text of at most 512 bytes, a longer one an error of the kind
///   [`Storage`](crate::ErrorKind::Storage); an owner is any text at all.
/// - **Every write is atomic**, also against other processes: of many [`insert`](Self::insert)s of
///   one key one succeeds, of many [`replace`](Self::replace)s of one version one succeeds.
/// - **A version is never used again** for its key, not even after the record was removed and the
///   key inserted anew.
/// - **What expired is gone from every answer at once**; [`purge`](Self::purge) is what frees its
///   space, and a backend does that in the background by itself.
/// - A write that was answered is kept; a lost connection or a full disk is an error, never a
///   silent loss.
/// - An outage is an error of the kind [`Unavailable`](crate::ErrorKind::Unavailable), within a
///   timeout of the backend's own (250 ms where nothing else is configured); a damaged or full
///   medium is [`Storage`](crate::ErrorKind::Storage).
///
/// # A store of your own
/// `testing::store_suite` runs it through all of this.
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
///     fn purge(&self) -> StoreFuture<'_, u64> {
///         self.with("", |_, _| 0)
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
    /// The record of a key; `None` where there is none.
    ///
    /// # Errors
    /// Where the backend cannot say.
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>>;

    /// Inserts a record where the key has none, and gives its version; `None` where it has one.
    ///
    /// # Errors
    /// Where the backend cannot do it; it may then have been done nevertheless.
    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>>;

    /// Replaces value and lifetime of a record that still has this version, and gives the new
    /// version; `None` where it has another one or is gone. The owner stays.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>>;

    /// Removes a record; says whether there was one.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool>;

    /// The keys and records of an owner, in no order.
    ///
    /// # Errors
    /// Where the backend cannot say.
    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>>;

    /// Removes every record of an owner that was there when this began; says how many.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); some may then be removed and others not.
    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64>;

    /// Frees the space of expired records; says how many. Zero where the backend does that by
    /// itself.
    ///
    /// # Errors
    /// Where the backend cannot do it.
    fn purge(&self) -> StoreFuture<'_, u64>;

    /// The record of a key, where that can be said at once and without waiting: `Some(None)` means
    /// that there surely is none. `None`: ask [`get`](Self::get).
    fn peek(&self, key: &str) -> Option<Option<Record>> {
        let _ = key;
        None
    }

    /// Reports to the watcher, from now on, each key whose record is written, whoever writes it:
    /// this process before the write returns, others as soon as that is learned. `false`: this
    /// backend cannot, and nothing of it may be remembered.
    ///
    /// The first report is [`Change::Live`]: inside this call where that is so already, otherwise
    /// once the connection is up that others' changes come over. Nothing may be remembered before.
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
