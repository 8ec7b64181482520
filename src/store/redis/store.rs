//! The store over Redis.

use super::builder::RedisStoreBuilder;
use super::cluster::Cluster;
use super::failure::{Failure, unavailable, unexpected};
use super::feed::Feed;
use super::layout::{Bucket, Layout, lifetime, owner_hash, unpack};
use super::link::Link;
use super::scripts::{GET, INSERT, READ_OWNED, REMOVE, REMOVE_OWNED, REPLACE, Script};
use super::worker::Worker;
use crate::core::error::Error;
use crate::store::watch::Watcher;
use crate::store::{NewRecord, Record, Store, StoreFuture, check_key};
use redis::{Cmd, FromRedisValue, Value};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Operations that may wait for Redis at one time.
pub(super) const MOST_WAITING: usize = 16_384;
/// Records of an owner that one script reads or removes: it takes about a millisecond.
const PAGE: usize = 500;

/// Keeps records in Redis (6.2 or later) or Valkey: on one server, behind sentinels, or in a
/// cluster. Clones share the connection.
///
/// # URLs
/// | URL | what it means |
/// |---|---|
/// | `redis://user:password@host:6379/0` | one server; everything but the host may be left out |
/// | `redis-sentinel://user:password@host:26379,host:26379/0?service=mymaster` | the primary that these sentinels name; `sentinel_user` and `sentinel_password` in the query where they want them |
/// | `redis-cluster://user:password@host:6379,host:6379` | the cluster of these nodes |
///
/// With `rediss` in place of `redis` all connections are TLS, and certificates are checked against
/// the system's roots or [`root_certificates`](RedisStoreBuilder::root_certificates). Characters
/// that mean something in a URL are percent-encoded in names and passwords.
///
/// # What is promised
/// - **Every operation ends within the timeout**, 250 ms unless set, connecting included. Redis
///   stopped, unreachable or silent: an error of the kind
///   [`Unavailable`](crate::ErrorKind::Unavailable). Operations on an owner's records send several
///   commands, each within the timeout. At most 16,384 operations wait at a time, more are refused
///   at once.
/// - **Redis may be down when the application starts**, and go away at any time: the first operation
///   after its return connects again. No write is sent twice.
/// - [`watch`](Store::watch) learns of other processes' writes over connections of its own
///   (`CLIENT TRACKING`, broadcasting), and checks them every 100 ms. A change is told, or
///   [`Change::Lost`](crate::store::Change::Lost) is, within half a second, whatever happens to
///   Redis or the network. Behind sentinels these are asked as often, and most of those in the URL
///   must agree; in a cluster all primaries must agree who has which slots.
/// - Nothing of this runs on the application's runtime: a store has one thread of its own.
///
/// # What Redis must be set to
/// - `maxmemory-policy noeviction`: with any other, a Redis that is full forgets revocations.
/// - `appendonly yes`, and `appendfsync always` where the loss of a second's writes at a crash is
///   too much. After a failover to a replica, its last writes may be missing (`min-replicas-to-write`
///   bounds that).
/// - A user that may run all commands on the keys of the prefix, `EVAL`, `EVALSHA`, `CLIENT`, and
///   `CLUSTER` or `ROLE`.
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
pub struct RedisStore(Arc<Inner>);

struct Inner {
    worker: Worker,
    free: Arc<Semaphore>,
    shared: Arc<Shared>,
    /// Set when the first watcher came.
    followed: AtomicBool,
}

/// What operations need that are under way.
pub(super) struct Shared {
    pub(super) backend: Backend,
    pub(super) layout: Arc<Layout>,
    pub(super) feed: Arc<Feed>,
    pub(super) timeout: Duration,
}

pub(super) enum Backend {
    Link(Arc<Link>),
    Cluster(Arc<Cluster>),
}

impl RedisStore {
    /// Connects to Redis.
    ///
    /// # Errors
    /// [`Configuration`](crate::ErrorKind::Configuration) for a URL that is none or a user that Redis
    /// refuses; [`Unavailable`](crate::ErrorKind::Unavailable) where it cannot be reached. An
    /// application that is to start nevertheless uses [`builder`](Self::builder) and
    /// [`build`](RedisStoreBuilder::build).
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::builder(url).connect().await
    }

    /// Sets one up.
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url)
    }

    pub(super) fn new(shared: Shared) -> Result<Self, Error> {
        Ok(Self(Arc::new(Inner {
            worker: Worker::start()?,
            free: Arc::new(Semaphore::new(MOST_WAITING)),
            shared: Arc::new(shared),
            followed: AtomicBool::new(false),
        })))
    }

    /// Runs an operation on the store's own thread. Whoever waits for it may stop doing so: what was
    /// begun is ended, and watchers are told of it.
    fn run<'a, T, F>(
        &'a self,
        operation: impl FnOnce(Arc<Shared>) -> F + Send + 'a,
    ) -> StoreFuture<'a, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        Box::pin(async move {
            let free = self.0.free.clone().try_acquire_owned();
            let place = free.map_err(|_| unavailable("too many operations wait for Redis"))?;
            let operation = operation(self.0.shared.clone());
            let done = self.0.worker.spawn(async move {
                let _place = place;
                operation.await
            });
            done.await
                .unwrap_or_else(|_| Err(unavailable("the operation on Redis broke off")))
        })
    }

    /// Asks for nothing, to see whether Redis answers.
    pub(super) fn ping(&self) -> StoreFuture<'_, ()> {
        self.run(|shared| async move { shared.get("").await.map(drop) })
    }
}

impl Shared {
    async fn send(&self, bucket: Bucket, command: &Cmd) -> Result<Value, Failure> {
        match &self.backend {
            Backend::Link(link) => link.query(command).await,
            Backend::Cluster(cluster) => cluster.query(bucket.slot(), command).await,
        }
    }

    async fn within_timeout<T: FromRedisValue>(
        &self,
        answer: impl Future<Output = Result<Value, Failure>>,
    ) -> Result<T, Error> {
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(answer) => redis::from_redis_value(answer?).map_err(|_| unexpected()),
            Err(_) => Err(unavailable("Redis did not answer in time")),
        }
    }

    async fn call<T: FromRedisValue>(
        &self,
        bucket: Bucket,
        script: &Script,
        keys: &[&[u8]],
        arguments: &[&[u8]],
    ) -> Result<T, Error> {
        self.within_timeout(async {
            match self.send(bucket, &script.by_hash(keys, arguments)).await {
                Err(Failure::NoScript) => self.send(bucket, &script.by_text(keys, arguments)).await,
                answer => answer,
            }
        })
        .await
    }

    async fn get(&self, key: &str) -> Result<Option<Record>, Error> {
        let bucket = Bucket::of(key);
        let record = self.layout.record(bucket, key);
        let found: Option<(Vec<u8>, i64)> =
            self.call(bucket, &GET, &[record.as_bytes()], &[]).await?;
        found.map(|(packed, ttl)| unpack(&packed, ttl)).transpose()
    }

    async fn insert(&self, key: &str, new: NewRecord) -> Result<Option<u64>, Error> {
        let bucket = Bucket::of(key);
        let owner = new.owner.as_deref().map(owner_hash).unwrap_or_default();
        let index = self.layout.index(bucket, &owner);
        let record = self.layout.record(bucket, key);
        let versions = self.layout.versions(bucket);
        let keys = [record.as_bytes(), versions.as_bytes(), index.as_bytes()];
        let ttl = lifetime(new.ttl);
        let arguments = [key.as_bytes(), owner.as_bytes(), &new.value, ttl.as_bytes()];
        let version = self.call(bucket, &INSERT, &keys, &arguments).await;
        // Also told where it failed: it may have been done.
        self.feed.written(key);
        version
    }

    async fn replace(
        &self,
        key: &str,
        version: u64,
        value: &[u8],
        ttl: Option<Duration>,
    ) -> Result<Option<u64>, Error> {
        let bucket = Bucket::of(key);
        let record = self.layout.record(bucket, key);
        let versions = self.layout.versions(bucket);
        let keys = [record.as_bytes(), versions.as_bytes()];
        let (version, ttl) = (version.to_be_bytes(), lifetime(ttl));
        let indexes = self.layout.indexes(bucket);
        let arguments = [
            key.as_bytes(),
            &version,
            indexes.as_bytes(),
            value,
            ttl.as_bytes(),
        ];
        let version = self.call(bucket, &REPLACE, &keys, &arguments).await;
        self.feed.written(key);
        version
    }

    async fn remove(&self, key: &str) -> Result<bool, Error> {
        let bucket = Bucket::of(key);
        let record = self.layout.record(bucket, key);
        let indexes = self.layout.indexes(bucket);
        let arguments = [key.as_bytes(), indexes.as_bytes()];
        let removed = self
            .call(bucket, &REMOVE, &[record.as_bytes()], &arguments)
            .await;
        self.feed.written(key);
        removed
    }

    /// The keys that an owner's list in this bucket names; some of their records may be gone.
    async fn listed(&self, bucket: Bucket, owner: &str) -> Result<Vec<String>, Error> {
        let mut list = redis::cmd("ZRANGE");
        list.arg(self.layout.index(bucket, owner)).arg(0).arg(-1);
        self.within_timeout(self.send(bucket, &list)).await
    }

    /// Runs a script over some of an owner's records.
    async fn page<T: FromRedisValue>(
        &self,
        bucket: Bucket,
        script: &Script,
        owner: &str,
        page: &[String],
    ) -> Result<T, Error> {
        let index = self.layout.index(bucket, owner);
        let records: Vec<_> = page
            .iter()
            .map(|key| self.layout.record(bucket, key))
            .collect();
        let mut keys = vec![index.as_bytes()];
        keys.extend(records.iter().map(String::as_bytes));
        let mut arguments = vec![owner.as_bytes()];
        arguments.extend(page.iter().map(String::as_bytes));
        self.call(bucket, script, &keys, &arguments).await
    }

    async fn owned(&self, bucket: Bucket, owner: &str) -> Result<Vec<(String, Record)>, Error> {
        let mut all = Vec::new();
        for page in self.listed(bucket, owner).await?.chunks(PAGE) {
            let found: Vec<(String, Vec<u8>, i64)> =
                self.page(bucket, &READ_OWNED, owner, page).await?;
            for (key, packed, ttl) in found {
                all.push((key, unpack(&packed, ttl)?));
            }
        }
        Ok(all)
    }

    async fn remove_owned(&self, bucket: Bucket, owner: &str) -> Result<u64, Error> {
        let mut removed = 0;
        for page in self.listed(bucket, owner).await?.chunks(PAGE) {
            let some: Result<u64, Error> = self.page(bucket, &REMOVE_OWNED, owner, page).await;
            page.iter().for_each(|key| self.feed.written(key));
            removed += some?;
        }
        Ok(removed)
    }
}

/// Does something in every bucket at once.
async fn everywhere<T, F>(work: impl Fn(Bucket) -> F) -> Result<Vec<T>, Error>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let mut all: JoinSet<_> = Bucket::all().map(work).collect();
    let mut results = Vec::new();
    let mut failure = None;
    // To the end, whatever fails: what can be removed is.
    while let Some(result) = all.join_next().await {
        match result {
            Ok(Ok(result)) => results.push(result),
            Ok(Err(error)) => failure = Some(error),
            Err(_) => failure = Some(unavailable("the operation on Redis broke off")),
        }
    }
    failure.map_or(Ok(results), Err)
}

impl Store for RedisStore {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Record>> {
        self.run(move |shared| {
            let key = key.to_owned();
            async move {
                check_key(&key)?;
                shared.get(&key).await
            }
        })
    }

    fn insert<'a>(&'a self, key: &'a str, record: NewRecord) -> StoreFuture<'a, Option<u64>> {
        self.run(move |shared| {
            let key = key.to_owned();
            async move {
                check_key(&key)?;
                shared.insert(&key, record).await
            }
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        self.run(move |shared| {
            let key = key.to_owned();
            async move {
                check_key(&key)?;
                shared.replace(&key, version, &value, ttl).await
            }
        })
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, bool> {
        self.run(move |shared| {
            let key = key.to_owned();
            async move {
                check_key(&key)?;
                shared.remove(&key).await
            }
        })
    }

    fn owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        let owner: Arc<str> = owner_hash(owner).into();
        self.run(move |shared| async move {
            let found = everywhere(|bucket| {
                let (shared, owner) = (shared.clone(), owner.clone());
                async move { shared.owned(bucket, &owner).await }
            });
            Ok(found.await?.into_iter().flatten().collect())
        })
    }

    fn remove_owned<'a>(&'a self, owner: &'a str) -> StoreFuture<'a, u64> {
        let owner: Arc<str> = owner_hash(owner).into();
        self.run(move |shared| async move {
            let removed = everywhere(|bucket| {
                let (shared, owner) = (shared.clone(), owner.clone());
                async move { shared.remove_owned(bucket, &owner).await }
            });
            Ok(removed.await?.into_iter().sum())
        })
    }

    fn purge(&self) -> StoreFuture<'_, u64> {
        // Redis does that.
        Box::pin(async { Ok(0) })
    }

    fn watch(&self, watcher: Watcher) -> bool {
        let feed = &self.0.shared.feed;
        feed.add(watcher);
        if !self.0.followed.swap(true, Ordering::Relaxed) {
            self.0.worker.spawn(feed.clone().follow());
        }
        true
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("prefix", &self.0.shared.layout.prefix())
            .field("timeout", &self.0.shared.timeout)
            .finish_non_exhaustive()
    }
}
