//! The operations of the store as commands to Redis.

use super::deployment::{Deployment, Servers};
use super::failure::{Failure, unavailable, unexpected};
use super::layout::{Bucket, lifetime, owner_hash, unpack};
use super::scripts::{
    COUNT_OWNED, GET, INSERT, LIST_OWNED, READ_OWNED, REMOVE, REMOVE_OWNED, REPLACE, Script,
};
use crate::core::Error;
use crate::store::{NewRecord, Record, check_key};
use redis::{Cmd, FromRedisValue, Value};
use std::{iter::once, sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// Records of an owner per script call, which takes about a millisecond.
const PAGE: usize = 500;

impl Deployment {
    async fn send(&self, bucket: Bucket, command: &Cmd) -> Result<Value, Failure> {
        match &self.servers {
            Servers::Primary { link, .. } => link.query(command).await,
            Servers::Cluster(cluster) => cluster.query(bucket.slot(), command).await,
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

    /// Runs a script that writes a record; even after a failure, the write may have happened.
    async fn write<T: FromRedisValue>(
        &self,
        key: &str,
        script: &Script,
        others: &[&[u8]],
        arguments: &[&[u8]],
    ) -> Result<T, Error> {
        let bucket = Bucket::of(key);
        let record = self.layout.record(bucket, key);
        let written =
            self.call(bucket, script, &[&[record.as_bytes()], others].concat(), arguments).await;
        self.written(key);
        written
    }

    pub(super) async fn get(self: Arc<Self>, key: String) -> Result<Option<Record>, Error> {
        check_key(&key)?;
        let bucket = Bucket::of(&key);
        let record = self.layout.record(bucket, &key);
        let found: Option<(Vec<u8>, i64)> =
            self.call(bucket, &GET, &[record.as_bytes()], &[]).await?;
        found.map(|(packed, ttl)| unpack(&packed, ttl)).transpose()
    }

    pub(super) async fn insert(
        self: Arc<Self>,
        key: String,
        new: NewRecord,
    ) -> Result<Option<u64>, Error> {
        check_key(&key)?;
        let bucket = Bucket::of(&key);
        let owner = new.owner.as_deref().map(owner_hash).unwrap_or_default();
        let (versions, index) = (self.layout.versions(bucket), self.layout.index(bucket, &owner));
        let ttl = lifetime(new.ttl);
        let arguments = [key.as_bytes(), owner.as_bytes(), &new.value, ttl.as_bytes()];
        self.write(&key, &INSERT, &[versions.as_bytes(), index.as_bytes()], &arguments).await
    }

    pub(super) async fn replace(
        self: Arc<Self>,
        key: String,
        version: u64,
        value: Vec<u8>,
        ttl: Option<Duration>,
    ) -> Result<Option<u64>, Error> {
        check_key(&key)?;
        let bucket = Bucket::of(&key);
        let (versions, indexes) = (self.layout.versions(bucket), self.layout.indexes(bucket));
        let (version, ttl) = (version.to_be_bytes(), lifetime(ttl));
        let arguments = [key.as_bytes(), &version, indexes.as_bytes(), &value, ttl.as_bytes()];
        self.write(&key, &REPLACE, &[versions.as_bytes()], &arguments).await
    }

    pub(super) async fn remove(self: Arc<Self>, key: String) -> Result<bool, Error> {
        check_key(&key)?;
        let indexes = self.layout.indexes(Bucket::of(&key));
        self.write(&key, &REMOVE, &[], &[key.as_bytes(), indexes.as_bytes()]).await
    }

    pub(super) async fn owned(
        self: Arc<Self>,
        owner: String,
    ) -> Result<Vec<(String, Record)>, Error> {
        let pages: Vec<Vec<(String, Vec<u8>, i64)>> =
            self.each_page(&READ_OWNED, &owner, &[]).await?;
        let records = pages.into_iter().flatten();
        records.map(|(key, packed, ttl)| Ok((key, unpack(&packed, ttl)?))).collect()
    }

    pub(super) async fn count_owned(
        self: Arc<Self>,
        owner: String,
        prefix: Vec<u8>,
    ) -> Result<u64, Error> {
        let counts = self.each_page::<u64>(&COUNT_OWNED, &owner, &prefix).await?;
        Ok(counts.into_iter().sum())
    }

    pub(super) async fn remove_owned(self: Arc<Self>, owner: String) -> Result<u64, Error> {
        let removed = self.each_page::<u64>(&REMOVE_OWNED, &owner, &[]).await?;
        Ok(removed.into_iter().sum())
    }

    /// Runs a script over the pages of an owner's records, in all buckets concurrently.
    ///
    /// It continues after a failure: what can be removed is removed.
    async fn each_page<T: FromRedisValue + Send + 'static>(
        self: &Arc<Self>,
        script: &'static Script,
        owner: &str,
        prefix: &[u8],
    ) -> Result<Vec<T>, Error> {
        let owner = owner_hash(owner);
        let mut buckets = JoinSet::new();
        for bucket in Bucket::all() {
            let (this, owner, prefix) = (self.clone(), owner.clone(), prefix.to_owned());
            buckets.spawn(async move { this.pages(bucket, script, &owner, &prefix).await });
        }
        let mut results = Vec::new();
        let mut failure = None;
        while let Some(pages) = buckets.join_next().await {
            match pages.unwrap_or_else(|_| Err(unavailable("the operation on Redis broke off"))) {
                Ok(pages) => results.extend(pages),
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(results), Err)
    }

    async fn pages<T: FromRedisValue>(
        &self,
        bucket: Bucket,
        script: &Script,
        owner: &str,
        prefix: &[u8],
    ) -> Result<Vec<T>, Error> {
        let index = self.layout.index(bucket, owner);
        // Some of their records may be gone.
        let listed: Vec<String> = self.call(bucket, &LIST_OWNED, &[index.as_bytes()], &[]).await?;
        let mut results = Vec::new();
        for page in listed.chunks(PAGE) {
            let records: Vec<_> = page.iter().map(|key| self.layout.record(bucket, key)).collect();
            let keys: Vec<_> = once(&index).chain(&records).map(String::as_bytes).collect();
            let mut arguments = vec![owner.as_bytes()];
            arguments.extend(page.iter().map(String::as_bytes));
            arguments.push(prefix);
            let result = self.call(bucket, script, &keys, &arguments).await;
            if script.removes() {
                page.iter().for_each(|key| self.written(key));
            }
            results.push(result?);
        }
        Ok(results)
    }
}
