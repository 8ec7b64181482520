//! Cache of the verified tokens of one verifier, bounded in bytes.

use super::verified::{Entry, Verified};
use crate::core::{hash::seeded_hash, telemetry::Counter};
use moka::Equivalent;
use moka::sync::Cache;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

/// A cache key: looked up by the token's hash, compared by its full text.
struct Key(Arc<Entry>);

struct KeyRef<'a> {
    hash: u64,
    token: &'a [u8],
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.token == other.0.token
    }
}

impl Eq for Key {}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        key.0.token.as_bytes() == self.token
    }
}

/// A hasher that passes through the result of [`seeded_hash`].
#[derive(Clone, Default)]
struct Passing(u64);

impl BuildHasher for Passing {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

impl Hasher for Passing {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// Statistics of a verifier's token cache.
///
/// # Example
/// ```
/// # fn example(verifier: &jamguard::Verifier) {
/// let stats = verifier.cache_stats();
/// println!("{} of {} from the cache", stats.hits, stats.hits + stats.misses);
/// # }
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Verifications answered from the cache.
    pub hits: u64,
    /// Full verifications.
    pub misses: u64,
    /// Cached tokens; updated in the background after insertions.
    pub entries: u64,
    /// Bytes in use, by the cache's own accounting.
    pub bytes: u64,
}

pub(crate) struct TokenCache {
    /// `None` if disabled.
    tokens: Option<Cache<Key, Arc<Entry>, Passing>>,
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
}

impl TokenCache {
    pub(crate) fn new(max_bytes: u64) -> Self {
        let tokens = (max_bytes > 0).then(|| {
            Cache::builder()
                .weigher(|_: &Key, entry: &Arc<Entry>| {
                    u32::try_from(entry.weight()).unwrap_or(u32::MAX)
                })
                .max_capacity(max_bytes)
                .build_with_hasher(Passing::default())
        });
        Self {
            tokens,
            hits: Counter::new("jamguard_token_cache_hits_total"),
            misses: Counter::new("jamguard_token_cache_misses_total"),
        }
    }

    pub(crate) fn enabled(&self) -> bool {
        self.tokens.is_some()
    }

    pub(crate) fn get(&self, token: &[u8]) -> Option<Verified> {
        let hash = seeded_hash(token);
        let entry = self.tokens.as_ref()?.get(&KeyRef { hash, token })?;
        Some(Verified::new(entry))
    }

    pub(crate) fn insert(&self, entry: &Arc<Entry>) {
        if let Some(tokens) = &self.tokens {
            tokens.insert(Key(entry.clone()), entry.clone());
        }
    }

    pub(crate) fn remove(&self, hash: u64, token: &[u8]) {
        if let Some(tokens) = &self.tokens {
            tokens.invalidate(&KeyRef { hash, token });
        }
    }

    pub(crate) fn clear(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.invalidate_all();
        }
    }

    pub(crate) fn stats(&self) -> CacheStats {
        let (entries, bytes) = self.tokens.as_ref().map_or((0, 0), |tokens| {
            tokens.run_pending_tasks();
            (tokens.entry_count(), tokens.weighted_size())
        });
        CacheStats { hits: self.hits.total(), misses: self.misses.total(), entries, bytes }
    }
}
