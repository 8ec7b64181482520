//! [`RedisStore`]: the store over Redis.

use super::deployment::{Deployment, Servers};
use super::failure::unavailable;
use super::worker::Worker;
use crate::core::{Error, debug_fields};
use crate::store::{NewRecord, Record, Store, StoreFuture, watch::Watcher};
use std::sync::{Arc, Once};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Maximum number of operations that wait for Redis.
pub(super) const MOST_WAITING: usize = 16_384;

/// A store in Redis (7 or later) or Valkey. Clones share the connection.
///
/// It connects to one server, to a primary behind sentinels, or to a cluster.
///
/// # URLs
/// | URL | meaning |
/// |---|---|
/// | `redis://user:password@host:6379/0` | one server; everything but the host may be left out |
/// | `redis-sentinel://user:password@host:26379,host:26379/0?service=mymaster` | the primary that these sentinels name; `sentinel_user` and `sentinel_password` in the query where they want them |
/// | `redis-cluster://user:password@host:6379,host:6379` | the cluster of these nodes |
///
/// With `rediss` in place of `redis` all connections use TLS, and certificates are checked against
/// the system's roots or [`root_certificates`](super::RedisStoreBuilder::root_certificates). Special
/// characters in names and passwords are percent-encoded.
///
/// # Guarantees
/// - **Every operation ends within the timeout** (default: 250 ms), connecting included. If Redis
///   is stopped, unreachable or silent, the error is of the kind
///   [`Unavailable`](crate::ErrorKind::Unavailable). Operations on an owner's records send several
///   commands, each within the timeout. At most 16,384 operations wait at a time; more are rejected
///   at once.
/// - **Only a primary answers.** A replica, or a primary that was demoted, may not know of a
///   revocation yet: every operation, reads included, runs as a write, which a replica refuses. The
///   error is of the kind [`Unavailable`](crate::ErrorKind::Unavailable). A primary that lacks the
///   replicas of `min-replicas-to-write` refuses reads too; one that cannot save to its disk is
///   still read.
/// - **Redis may be down when the application starts**, and go away at any time: the first
///   operation after its return connects again. No write is sent twice.
/// - [`watch`](Store::watch) learns of other processes' writes over separate connections in
///   broadcasting mode (`CLIENT TRACKING`). Within half a second either the change or
///   [`Change::Lost`](crate::store::Change::Lost) is reported, whatever happens to Redis or the
///   network. For that, every 100 ms these connections and the ones that records are read from
///   prove that they lead to the same process (`run_id`), that it is a primary (`ROLE`), and that
///   the database is the same: Redis reports no change at `SWAPDB`, so a marker record is watched.
///   In a cluster all primaries must agree which node has which slots.
/// - **A new primary is found within half a second**, whether the store is watched or not. A host
///   in a `redis://` URL may be a virtual IP, a DNS name, a proxy or a managed endpoint, and open
///   connections stay with the old server when it moves: a new connection every 250 ms shows which
///   server it leads to. Sentinels are also asked every 100 ms; the primary is the server that most
///   sentinels in the URL name and that none contradicts. While they contradict each other,
///   only a server that most of them name is used, and nothing is answered from memory.
/// - All of this runs on a thread of the store, not on the application's runtime.
///
/// # Configuration of Redis
/// - `maxmemory-policy noeviction`: with any other, a Redis that is full forgets revocations.
/// - `appendonly yes`, and `appendfsync always` if a crash must not lose the last second's writes.
///   After a failover to a replica, its last writes may be missing (`min-replicas-to-write` bounds
///   that).
/// - A user that may run all commands on the keys of the prefix, `EVAL`, `EVALSHA`, `CLIENT`,
///   `INFO`, `ROLE`, `MULTI`, `EXEC`, `WATCH`, `UNWATCH`, and in a cluster `CLUSTER`. Without
///   `INFO` and `ROLE` records are read and written, but nothing is answered from memory, and the
///   store does not notice that its address leads to another server.
///
/// # Example
/// ```no_run
/// use jamguard::store::{NewRecord, RedisStore, Store};
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), jamguard::Error> {
/// let store = RedisStore::connect("redis://127.0.0.1:6379").await?;
/// let record = NewRecord::new(b"value".to_vec()).expires_after(Duration::from_secs(60));
/// assert!(store.insert("key", record).await?.is_some());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisStore(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) worker: Worker,
    /// Places for operations that wait for Redis.
    pub(super) free: Arc<Semaphore>,
    pub(super) deployment: Arc<Deployment>,
    /// Set at the first use: a store that is only built does not connect.
    pub(super) primary_followed: Once,
    /// Set when the first watcher is added.
    pub(super) changes_followed: Once,
}

impl RedisStore {
    /// Connects to Redis.
    ///
    /// # Errors
    /// [`Configuration`](crate::ErrorKind::Configuration) for an invalid URL or a user that Redis
    /// rejects; [`Unavailable`](crate::ErrorKind::Unavailable) if it cannot be reached. To start
    /// without Redis, use [`builder`](Self::builder) and [`build`](super::RedisStoreBuilder::build).
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::builder(url).connect().await
    }

    fn follow_primary(&self) {
        let Inner { worker, deployment, primary_followed, .. } = &*self.0;
        primary_followed.call_once(|| {
            if let Servers::Primary { primary, .. } = &deployment.servers {
                worker.spawn(primary.clone().follow());
            }
        });
    }

    /// Runs an operation on the store's own thread.
    ///
    /// If the caller stops waiting, the operation still completes and watchers are notified.
    fn run<'a, T, F>(
        &'a self,
        operation: impl FnOnce(Arc<Deployment>) -> F + Send + 'a,
    ) -> StoreFuture<'a, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        Box::pin(async move {
            self.follow_primary();
            let free = self.0.free.clone().try_acquire_owned();
            let place = free.map_err(|_| unavailable("too many operations wait for Redis"))?;
            let operation = operation(self.0.deployment.clone());
            let done = self.0.worker.spawn(async move {
                let _place = place;
                operation.await
            });
            done.await.unwrap_or_else(|_| Err(unavailable("the operation on Redis broke off")))
        })
    }

    /// Reads an empty key, to see whether Redis answers.
    pub(super) fn ping(&self) -> StoreFuture<'_, ()> {
        self.run(|redis| async { redis.get(String::new()).await.map(drop) })
    }
}

impl Store for RedisStore {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        self.run(|redis| redis.get(key.to_owned()))
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        self.run(|redis| redis.insert(key.to_owned(), record))
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        self.run(move |redis| redis.replace(key.to_owned(), version, value, ttl))
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        self.run(|redis| redis.remove(key.to_owned()))
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        self.run(|redis| redis.owned(owner.to_owned()))
    }

    fn count_owned<'a>(&'a self, owner: &'a str, prefix: &'a [u8]) -> StoreFuture<'a, u64> {
        self.run(|redis| redis.count_owned(owner.to_owned(), prefix.to_owned()))
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        self.run(|redis| redis.remove_owned(owner.to_owned()))
    }

    fn watch(&self, watcher: Watcher) -> bool {
        let deployment = &self.0.deployment;
        deployment.add(watcher);
        self.follow_primary();
        self.0.changes_followed.call_once(|| {
            self.0.worker.spawn(deployment.clone().follow_changes());
        });
        true
    }
}

debug_fields!(
    RedisStore,
    self,
    prefix = self.0.deployment.layout.prefix,
    timeout = self.0.deployment.timeout
);
