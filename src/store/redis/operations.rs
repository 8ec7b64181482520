//! The operations of the store as commands to Redis.

use super::cluster::Cluster;
use super::connection::Link;
use super::failure::{Failure, unavailable, unexpected};
use super::invalidation::Feed;
use super::layout::{Bucket, Layout, lifetime, owner_hash, unpack};
use super::scripts::{GET, INSERT, LIST_OWNED, READ_OWNED, REMOVE, REMOVE_OWNED, REPLACE, Script};
use crate::core::error::Error;
use crate::store::{NewRecord, Record};
use redis::{Cmd, FromRedisValue, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Records of an owner per script call, which takes about a millisecond.
const PAGE: usize = 500;

/// What running operations share.
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

    pub(super) async fn get(&self, key: &str) -> Result<Option<Record>, Error> {
        let bucket = Bucket::of(key);
        let record = self.layout.record(bucket, key);
        let found: Option<(Vec<u8>, i64)> =
            self.call(bucket, &GET, &[record.as_bytes()], &[]).await?;
        found.map(|(packed, ttl)| unpack(&packed, ttl)).transpose()
    }

    pub(super) async fn insert(&self, key: &str, new: NewRecord) -> Result<Option<u64>, Error> {
        let bucket = Bucket::of(key);
        let owner = new.owner.as_deref().map(owner_hash).unwrap_or_default();
        let index = self.layout.index(bucket, &owner);
        let record = self.layout.record(bucket, key);
        let versions = self.layout.versions(bucket);
        let keys = [record.as_bytes(), versions.as_bytes(), index.as_bytes()];
        let ttl = lifetime(new.ttl);
        let arguments = [key.as_bytes(), owner.as_bytes(), &new.value, ttl.as_bytes()];
        let version = self.call(bucket, &INSERT, &keys, &arguments).await;
        // Even after a failure: the write may have happened.
        self.feed.written(key);
        version
    }

    pub(super) async fn replace(
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
        let arguments = [key.as_bytes(), &version, indexes.as_bytes(), value, ttl.as_bytes()];
        let version = self.call(bucket, &REPLACE, &keys, &arguments).await;
        self.feed.written(key);
        version
    }

    pub(super) async fn remove(&self, key: &str) -> Result<bool, Error> {
        let bucket = Bucket::of(key);
        let record = self.layout.record(bucket, key);
        let indexes = self.layout.indexes(bucket);
        let arguments = [key.as_bytes(), indexes.as_bytes()];
        let removed = self.call(bucket, &REMOVE, &[record.as_bytes()], &arguments).await;
        self.feed.written(key);
        removed
    }

    /// Returns the keys in an owner's list of this bucket; some of their records may be gone.
    async fn listed(&self, bucket: Bucket, owner: &str) -> Result<Vec<String>, Error> {
        let index = self.layout.index(bucket, owner);
        self.call(bucket, &LIST_OWNED, &[index.as_bytes()], &[]).await
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
        let records: Vec<_> = page.iter().map(|key| self.layout.record(bucket, key)).collect();
        let mut keys = vec![index.as_bytes()];
        keys.extend(records.iter().map(String::as_bytes));
        let mut arguments = vec![owner.as_bytes()];
        arguments.extend(page.iter().map(String::as_bytes));
        self.call(bucket, script, &keys, &arguments).await
    }

    pub(super) async fn owned(
        &self,
        bucket: Bucket,
        owner: &str,
    ) -> Result<Vec<(String, Record)>, Error> {
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

    pub(super) async fn remove_owned(&self, bucket: Bucket, owner: &str) -> Result<u64, Error> {
        let mut removed = 0;
        for page in self.listed(bucket, owner).await?.chunks(PAGE) {
            let some: Result<u64, Error> = self.page(bucket, &REMOVE_OWNED, owner, page).await;
            page.iter().for_each(|key| self.feed.written(key));
            removed += some?;
        }
        Ok(removed)
    }
}

/// Runs work in all buckets concurrently.
pub(super) async fn everywhere<T, F>(work: impl Fn(Bucket) -> F) -> Result<Vec<T>, Error>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let mut all: JoinSet<_> = Bucket::all().map(work).collect();
    let mut results = Vec::new();
    let mut failure = None;
    // Continues after a failure: what can be removed is removed.
    while let Some(result) = all.join_next().await {
        match result {
            Ok(Ok(result)) => results.push(result),
            Ok(Err(error)) => failure = Some(error),
            Err(_) => failure = Some(unavailable("the operation on Redis broke off")),
        }
    }
    failure.map_or(Ok(results), Err)
}
