//! Settings of stores.

use super::location::Spot;
use crate::config::document::Problem;
use crate::store::{CachedStore, MemoryStore, Store};
use crate::store::{memory::builder::MemoryOptions, near::CacheOptions};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of the in-memory store that needs no settings.
const MEMORY: &str = "memory";

settings! {
    /// A store: exactly one kind, and an optional read cache.
    pub(in crate::config) struct StoreSettings {
        /// In this process's memory. The name `memory` is such a store without a section.
        memory: Option<MemoryOptions>,
        /// In a file, for a single process.
        #[cfg(feature = "file")]
        file: Option<super::file_store::FileSettings>,
        /// In Redis or Valkey.
        #[cfg(feature = "redis")]
        redis: Option<super::redis_store::RedisSection>,
        /// Read cache in this process.
        near: Option<CacheOptions>,
    }
}

/// The stores by name.
pub(in crate::config) type Stores = BTreeMap<String, Arc<dyn Store>>;

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
        let store = self.memory.as_ref().map(|options| memory(options, spot)).transpose()?;
        #[cfg(feature = "file")]
        let store = match &self.file {
            Some(file) => Some(file.build(&spot.key("file"))?),
            None => store,
        };
        #[cfg(feature = "redis")]
        let store = match &self.redis {
            Some(redis) => Some(redis.build(&spot.key("redis"))?),
            None => store,
        };
        let Some(store) = store else {
            let kinds: Vec<_> = kinds.iter().map(|(kind, _)| *kind).collect();
            let kinds = kinds.join("', '");
            return Err(spot.wrong(format!("the store has no kind: give one of '{kinds}'")));
        };
        Ok(match &self.near {
            Some(options) => {
                let mut near = CachedStore::builder(store).clock(spot.world.clock.clone());
                near.options = options.clone();
                Arc::new(near.build().map_err(|error| spot.refused(error))?)
            }
            None => store,
        })
    }
}

fn memory(options: &MemoryOptions, spot: &Spot<'_>) -> Result<Arc<dyn Store>, Problem> {
    let mut store = MemoryStore::builder().clock(spot.world.clock.clone());
    store.options = options.clone();
    Ok(Arc::new(store.build().map_err(|error| spot.refused(error))?))
}

pub(super) fn build(
    settings: &BTreeMap<String, StoreSettings>,
    spot: &Spot<'_>,
) -> Result<Stores, Problem> {
    let mut stores = spot.world.stores.clone();
    if spot.world.dry {
        stores.values_mut().for_each(|store| *store = Arc::new(MemoryStore::new()));
    }
    for (name, store) in settings {
        let spot = spot.key(name);
        let store = store.build(&spot)?;
        if stores.insert(name.clone(), store).is_some() {
            return Err(
                spot.wrong("the program gave a store of this name: rename this one, or remove it")
            );
        }
    }
    if !stores.contains_key(MEMORY) {
        stores.insert(MEMORY.to_owned(), memory(&MemoryOptions::default(), spot)?);
    }
    Ok(stores)
}
