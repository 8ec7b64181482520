//! Settings of stores.

use super::location::Spot;
#[cfg(feature = "redis")]
use super::scalars::Hidden;
use super::scalars::Time;
use crate::config::document::{Problem, advice};
use crate::store::{CachedStore, MemoryStore, Store};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of the in-memory store that needs no settings.
const MEMORY: &str = "memory";

/// A store: exactly one kind, and an optional read cache.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct StoreSettings {
    /// In this process's memory. The name `memory` is such a store without a section.
    memory: Option<MemorySettings>,
    /// In a file, for a single process.
    #[cfg(feature = "file")]
    file: Option<FileSettings>,
    /// In Redis or Valkey.
    #[cfg(feature = "redis")]
    redis: Option<RedisSettings>,
    /// Read cache in this process.
    near: Option<NearSettings>,
}

/// A store in memory.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct MemorySettings {
    /// Maximum memory for records, in bytes. Default: 512 MiB.
    max_bytes: Option<u64>,
    /// Part of `max_bytes` for unauthenticated clients, such as pending logins. Default: half.
    max_anonymous_bytes: Option<u64>,
}

/// A store in a file.
#[cfg(feature = "file")]
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct FileSettings {
    /// Path of the file, which is created if missing.
    path: String,
}

/// A store in Redis, which connects at first use.
#[cfg(feature = "redis")]
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct RedisSettings {
    /// `redis://…`, `rediss://…`, `redis-sentinel://…` or `redis-cluster://…`, with the password.
    url: Option<Hidden>,
    /// A file with the URL.
    url_file: Option<String>,
    /// Prefix of all keys, 1 to 128 bytes without braces. Default: `jamguard:`.
    prefix: Option<String>,
    /// Deadline of an operation, including connecting, 1 ms to 60 s. Default: 250 ms.
    timeout: Option<Time>,
    /// PEM file with the authorities that certificates are checked against. Default: the system's.
    root_certificates_file: Option<String>,
    /// PEM file with the client certificate and its chain.
    client_certificate_file: Option<String>,
    /// PEM file with the client certificate's key.
    client_key_file: Option<String>,
}

/// A read cache in this process.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct NearSettings {
    /// Maximum memory in bytes. Default: 64 MiB.
    max_bytes: Option<u64>,
    /// Part of `max_bytes` for keys without a record. Default: a quarter.
    max_absent_bytes: Option<u64>,
    /// Maximum age of a cached answer. Default: no limit. A store that does not notify of changes
    /// is cached only with this setting.
    max_age: Option<Time>,
}

impl StoreSettings {
    fn build(&self, spot: &Spot<'_>) -> Result<Arc<dyn Store>, Problem> {
        let kinds = [
            ("memory", self.memory.is_some()),
            #[cfg(feature = "file")]
            ("file", self.file.is_some()),
            #[cfg(feature = "redis")]
            ("redis", self.redis.is_some()),
        ];
        spot.one_of(&kinds)?;
        let mut store = None;
        if let Some(memory) = &self.memory {
            store = Some(memory.build(spot));
        }
        #[cfg(feature = "file")]
        if let Some(file) = &self.file {
            store = Some(file.build(&spot.key("file"))?);
        }
        #[cfg(feature = "redis")]
        if let Some(redis) = &self.redis {
            store = Some(redis.build(&spot.key("redis"))?);
        }
        let Some(store) = store else {
            let kinds: Vec<_> = kinds.iter().map(|(kind, _)| *kind).collect();
            let kinds = kinds.join("', '");
            return Err(spot.wrong(format!("the store has no kind: give one of '{kinds}'")));
        };
        Ok(match &self.near {
            Some(near) => near.build(store, spot),
            None => store,
        })
    }
}

impl MemorySettings {
    fn build(&self, spot: &Spot<'_>) -> Arc<dyn Store> {
        let mut store = MemoryStore::builder().clock(spot.world.clock.clone());
        if let Some(bytes) = self.max_bytes {
            store = store.max_bytes(bytes);
        }
        if let Some(bytes) = self.max_anonymous_bytes {
            store = store.max_anonymous_bytes(bytes);
        }
        Arc::new(store.build())
    }
}

#[cfg(feature = "file")]
impl FileSettings {
    fn build(&self, spot: &Spot<'_>) -> Result<Arc<dyn Store>, Problem> {
        if self.path.is_empty() {
            return Err(spot.key("path").wrong("the file's name is empty"));
        }
        if spot.world.dry {
            return Ok(Arc::new(MemoryStore::new()));
        }
        let store = crate::store::FileStore::builder().clock(spot.world.clock.clone());
        let store = store.open(spot.world.base.join(&self.path));
        Ok(Arc::new(store.map_err(|error| spot.refused(error))?))
    }
}

#[cfg(feature = "redis")]
impl RedisSettings {
    fn build(&self, spot: &Spot<'_>) -> Result<Arc<dyn Store>, Problem> {
        let url = spot.secret(("url", self.url.as_ref()), ("url_file", self.url_file.as_ref()))?;
        let Some(url) = url else {
            return Err(spot.wrong("the key 'url' or 'url_file' is missing"));
        };
        let mut store = crate::store::RedisStore::builder(url.expose());
        if let Some(prefix) = &self.prefix {
            store = store.prefix(prefix);
        }
        if let Some(Time(timeout)) = self.timeout {
            store = store.timeout(timeout);
        }
        if let Some(file) = &self.root_certificates_file {
            let pem = spot.key("root_certificates_file").file(file)?;
            store = store.root_certificates(pem.to_vec());
        }
        match (&self.client_certificate_file, &self.client_key_file) {
            (Some(chain), Some(key)) => {
                let chain = spot.key("client_certificate_file").file(chain)?;
                let key = spot.key("client_key_file").private_text(key)?;
                store = store.client_certificate(chain.to_vec(), key);
            }
            (None, None) => {}
            _ => {
                return Err(spot.wrong(
                    "'client_certificate_file' and 'client_key_file' go together: give both or \
                     neither",
                ));
            }
        }
        let store = store.build().map_err(|error| spot.refused(error))?;
        // Watching it would connect to Redis.
        Ok(match spot.world.dry {
            true => Arc::new(MemoryStore::new()),
            false => Arc::new(store),
        })
    }
}

impl NearSettings {
    fn build(&self, store: Arc<dyn Store>, spot: &Spot<'_>) -> Arc<dyn Store> {
        let mut near = CachedStore::builder(store).clock(spot.world.clock.clone());
        if let Some(bytes) = self.max_bytes {
            near = near.max_bytes(bytes);
        }
        if let Some(bytes) = self.max_absent_bytes {
            near = near.max_absent_bytes(bytes);
        }
        if let Some(Time(age)) = self.max_age {
            near = near.max_age(age);
        }
        Arc::new(near.build())
    }
}

/// The stores by name.
#[derive(Default)]
pub(in crate::config) struct Stores(BTreeMap<String, Arc<dyn Store>>);

impl Stores {
    pub(in crate::config) fn build(
        settings: &BTreeMap<String, StoreSettings>,
        spot: &Spot<'_>,
    ) -> Result<Self, Problem> {
        let mut stores = spot.world.stores.clone();
        if spot.world.dry {
            stores.values_mut().for_each(|store| *store = Arc::new(MemoryStore::new()));
        }
        for (name, store) in settings {
            let spot = spot.key(name);
            let store = store.build(&spot)?;
            if stores.insert(name.clone(), store).is_some() {
                return Err(spot.wrong(
                    "the program gave a store of this name: rename this one, or remove it",
                ));
            }
        }
        let memory = || Arc::new(MemoryStore::builder().clock(spot.world.clock.clone()).build());
        stores.entry(MEMORY.to_owned()).or_insert_with(|| memory() as Arc<dyn Store>);
        Ok(Self(stores))
    }

    /// Returns the store with this name; an unknown name is a problem at this location.
    pub(in crate::config) fn named(
        &self,
        name: &str,
        spot: &Spot<'_>,
    ) -> Result<Arc<dyn Store>, Problem> {
        match self.0.get(name) {
            Some(store) => Ok(store.clone()),
            None => Err(unknown("store", name, self.0.keys(), spot)),
        }
    }

    pub(in crate::config) fn get(&self, name: &str) -> Option<&Arc<dyn Store>> {
        self.0.get(name)
    }

    pub(in crate::config) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }
}

/// Returns the problem of an unknown name at this location, with a suggestion.
pub(in crate::config) fn unknown<'n>(
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'n String>,
    spot: &Spot<'_>,
) -> Problem {
    let known: Vec<&str> = known.map(String::as_str).collect();
    let advice = advice(name, &known, "none is configured");
    spot.wrong(format!("there is no {what} of this name; {advice}"))
}
