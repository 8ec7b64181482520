//! Settings of stores.

use super::feature::AddTo;
use super::location::Spot;
use super::{file_store, redis_store};
use crate::config::document::{Problem, Section};
use crate::store::{
    CachedStore, MemoryStore, Store, memory::builder::MemoryOptions, near::CacheOptions,
};
use std::{collections::BTreeMap, sync::Arc};

/// The name of the in-memory store that needs no settings.
const MEMORY: &str = "memory";

settings! {
    /// A store: exactly one kind, and an optional read cache.
    pub(in crate::config) struct StoreSettings {
        /// In this process's memory. The name `memory` is such a store without a section.
        memory: Option<MemoryOptions>,
        /// Read cache in this process.
        near: Option<CacheOptions>,
    }
}

/// A section of a store.
pub(in crate::config) type StoreSection =
    Section<file_store::Keys, Section<redis_store::Keys, StoreSettings>>;

/// The stores by name.
pub(in crate::config) type Stores = BTreeMap<String, Arc<dyn Store>>;

impl StoreSection {
    fn build(&self, spot: &Spot<'_>) -> Result<Arc<dyn Store>, Problem> {
        let Self(file, Section(redis, settings)) = self;
        spot.one_of(&["memory", "file", "redis"])?;
        let store = settings.memory.as_ref().map(|options| memory(options, spot)).transpose()?;
        let store = file.add_to(store, (), spot)?;
        let store = redis.add_to(store, (), spot)?;
        let Some(store) = store else {
            let file = if cfg!(feature = "file") { ", 'file'" } else { "" };
            let redis = if cfg!(feature = "redis") { ", 'redis'" } else { "" };
            let kinds = format!("'memory'{file}{redis}");
            return Err(spot.wrong(format!("the store has no kind: give one of {kinds}")));
        };
        let Some(options) = &settings.near else {
            return Ok(store);
        };
        let mut near = CachedStore::builder(store).clock(spot.clock());
        near.options = options.clone();
        Ok(Arc::new(spot.built(near.build())?))
    }
}

fn memory(options: &MemoryOptions, spot: &Spot<'_>) -> Result<Arc<dyn Store>, Problem> {
    let mut store = MemoryStore::builder().clock(spot.clock());
    store.options = options.clone();
    Ok(Arc::new(spot.built(store.build())?))
}

/// Builds the stores of the file, beside those that the program gave.
pub(super) fn build(
    settings: &BTreeMap<String, StoreSection>,
    spot: &Spot<'_>,
) -> Result<Stores, Problem> {
    let mut stores = spot.world.stores.clone();
    if spot.world.dry {
        stores.values_mut().for_each(|store| *store = Arc::new(MemoryStore::new()));
    }
    for (name, store) in settings {
        let spot = spot.key(name);
        if stores.insert(name.clone(), store.build(&spot)?).is_some() {
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
