//! Where records are kept.

#[cfg(feature = "redis")]
use super::scalars::Hidden;
use super::scalars::Time;
use super::spot::Spot;
use crate::config::document::{Problem, advice};
use crate::store::{MemoryStore, Near, Store};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of the store that needs no settings.
const MEMORY: &str = "memory";

/// A store: exactly one of its kinds, and what is put in front of it.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct StoreSettings {
    /// In this process's memory. The name "memory" stands for such a store without being declared.
    memory: Option<MemorySettings>,
    /// In a file of one process.
    #[cfg(feature = "file")]
    file: Option<FileSettings>,
    /// In Redis or Valkey.
    #[cfg(feature = "redis")]
    redis: Option<RedisSettings>,
    /// A near cache in front of it.
    near: Option<NearSettings>,
}

/// A store in memory.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct MemorySettings {
    /// Maximum memory for records, in bytes. Default: 512 MiB.
    max_bytes: Option<u64>,
    /// Part of it for records of clients that have not authenticated, such as logins under way.
    /// Default: half of it.
    max_anonymous_bytes: Option<u64>,
}

/// A store in a file.
#[cfg(feature = "file")]
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct FileSettings {
    /// The file; made where there is none.
    path: String,
}

/// A store over Redis. Nothing is connected before it is used.
#[cfg(feature = "redis")]
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct RedisSettings {
    /// `redis://…`, `rediss://…`, `redis-sentinel://…` or `redis-cluster://…`, with its password.
    url: Option<Hidden>,
    /// A file with such a URL.
    url_file: Option<String>,
    /// What all keys begin with; `jamguard:` unless set.
    prefix: Option<String>,
    /// How long an operation may take; 250 ms unless set.
    timeout: Option<Time>,
    /// A file with the authorities that certificates are checked against, as PEM.
    root_certificates_file: Option<String>,
    /// A file with the certificate that the server is shown, and its chain, as PEM.
    client_certificate_file: Option<String>,
    /// A file with that certificate's key, as PEM.
    client_key_file: Option<String>,
}

/// A near cache.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct NearSettings {
    /// Maximum memory in bytes. Default: 64 MiB.
    max_bytes: Option<u64>,
    /// Part of it for keys that have no record. Default: a quarter of it.
    max_absent_bytes: Option<u64>,
    /// How stale an answer may be where the store does not tell of changes.
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
            return Err(spot.wrong(format!("say what keeps the records: '{kinds}'")));
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
        let url = spot.secret(
            ("url", self.url.as_ref()),
            ("url_file", self.url_file.as_ref()),
        )?;
        let Some(url) = url else {
            return Err(spot.wrong("the key 'url' is missing, or 'url_file'"));
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
        // Whoever watches it would have it connect.
        Ok(match spot.world.dry {
            true => Arc::new(MemoryStore::new()),
            false => Arc::new(store),
        })
    }
}

impl NearSettings {
    fn build(&self, store: Arc<dyn Store>, spot: &Spot<'_>) -> Arc<dyn Store> {
        let mut near = Near::builder(store).clock(spot.world.clock.clone());
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

/// The stores by their names.
#[derive(Default)]
pub(in crate::config) struct Stores(BTreeMap<String, Arc<dyn Store>>);

impl Stores {
    pub(in crate::config) fn build(
        settings: &BTreeMap<String, StoreSettings>,
        spot: &Spot<'_>,
    ) -> Result<Self, Problem> {
        let mut stores = spot.world.stores.clone();
        if spot.world.dry {
            stores
                .values_mut()
                .for_each(|store| *store = Arc::new(MemoryStore::new()));
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
        let memory = || {
            Arc::new(
                MemoryStore::builder()
                    .clock(spot.world.clock.clone())
                    .build(),
            )
        };
        stores
            .entry(MEMORY.to_owned())
            .or_insert_with(|| memory() as Arc<dyn Store>);
        Ok(Self(stores))
    }

    /// The store that somebody names at this place.
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

/// That a name which stands at this place is none of those that there are.
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
