//! Records as they were last read and decrypted, so that the next reader need not do it again.
//!
//! Nothing is answered from here alone: the store says which version is the present one, and a
//! version never changes.

use super::id::Hash;
use super::record::Body;
use foldhash::quality::RandomState;
use moka::sync::Cache;
use std::sync::Arc;

/// What a record weighs besides its texts: moka's node, deques and hash table.
const BOOKKEEPING: usize = 384;

/// One version of a session, as it was read.
pub(super) struct Entry {
    pub(super) hash: Hash,
    pub(super) version: u64,
    pub(super) body: Body,
}

pub(super) struct Memory(Cache<Hash, Arc<Entry>, RandomState>);

impl Memory {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self(
            Cache::builder()
                .weigher(|_, entry: &Arc<Entry>| {
                    u32::try_from(BOOKKEEPING + entry.body.weight()).unwrap_or(u32::MAX)
                })
                .max_capacity(max_bytes)
                .build_with_hasher(RandomState::default()),
        )
    }

    pub(super) fn get(&self, hash: &Hash, version: u64) -> Option<Arc<Entry>> {
        self.0.get(hash).filter(|entry| entry.version == version)
    }

    pub(super) fn insert(&self, entry: &Arc<Entry>) {
        self.0.insert(entry.hash, entry.clone());
    }

    pub(super) fn forget(&self, hash: &Hash) {
        self.0.invalidate(hash);
    }
}
