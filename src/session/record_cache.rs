//! A cache of decoded and decrypted session records.
//!
//! Every answer is checked against the store's current version, and a version never changes its
//! contents. So any entry may be evicted at any time.

use super::id::Hash;
use super::record::Body;
use crate::core::lock::{read, write};
use crate::core::set_cache::{SetCache, Weight};
use std::sync::{Arc, RwLock};

/// Shards, so that readers of different sessions seldom contend.
const PARTS: usize = 64;
/// Bytes of an entry besides its texts, and the usual weight of a set of small entries.
const OVERHEAD: usize = 64;
const SMALL_SET: u64 = 4 * 512;

/// One version of a session, as it was read.
pub(super) struct Entry {
    pub(super) hash: Hash,
    pub(super) version: u64,
    pub(super) body: Body,
}

impl Weight for Arc<Entry> {
    fn weight(&self) -> usize {
        OVERHEAD + self.body.weight()
    }
}

pub(super) struct Memory([RwLock<SetCache<Arc<Entry>>>; PARTS]);

impl Memory {
    pub(super) fn new(max_bytes: u64) -> Self {
        let of_one = max_bytes / PARTS as u64;
        // At most 2²⁰, whatever the configured size.
        let sets = (of_one / SMALL_SET).min(1 << 20) as usize;
        let max_bytes = usize::try_from(of_one).unwrap_or(usize::MAX);
        Self(std::array::from_fn(|_| RwLock::new(SetCache::new(sets, max_bytes))))
    }

    /// Returns the part and set of a hash. Any of its bytes serve, because it is a SHA-256.
    fn part(&self, hash: &Hash) -> (&RwLock<SetCache<Arc<Entry>>>, usize) {
        let [first, a, b, c, ..] = hash.0;
        let set = u32::from_be_bytes([0, a, b, c]) as usize;
        (&self.0[usize::from(first) % PARTS], set)
    }

    pub(super) fn get(&self, hash: &Hash, version: u64) -> Option<Arc<Entry>> {
        let (part, set) = self.part(hash);
        let part = read(part);
        let known = part.find(set, |known| known.hash == *hash && known.version == version)?;
        Some(known.clone())
    }

    pub(super) fn insert(&self, entry: &Arc<Entry>) {
        let (part, set) = self.part(&entry.hash);
        let same = |known: &Arc<Entry>, new: &Arc<Entry>| known.hash == new.hash;
        let mut part = write(part);
        let evicted = part.insert(set, entry.clone(), same);
        drop(part);
        drop(evicted);
    }

    pub(super) fn forget(&self, hash: &Hash) {
        let (part, set) = self.part(hash);
        let mut part = write(part);
        let removed = part.remove(set, |known| known.hash == *hash);
        drop(part);
        drop(removed);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::session::NewSession;

    fn entry(number: u32, version: u64, length: usize) -> Arc<Entry> {
        let mut hash = [7; 32];
        hash[28..].copy_from_slice(&number.to_be_bytes());
        let new = NewSession::guest().data(&"x".repeat(length));
        Arc::new(Entry {
            hash: Hash(hash),
            version,
            body: new.into_body(None, 0, usize::MAX).unwrap(),
        })
    }

    fn held(memory: &Memory) -> (usize, usize) {
        let held = memory.0.iter().map(|part| part.read().unwrap().held());
        held.fold((0, 0), |(entries, bytes), (more, weight)| (entries + more, bytes + weight))
    }

    /// All of these hashes fall into one set.
    #[test]
    fn colliding_hashes_are_distinguished() {
        let memory = Memory::new(1 << 20);
        for number in 0..4 {
            memory.insert(&entry(number, u64::from(number), 10));
        }
        for number in 0..4 {
            let (found, version) = (entry(number, 0, 10).hash, u64::from(number));
            assert!(memory.get(&found, version).unwrap().hash == found);
            assert!(memory.get(&found, version + 1).is_none());
        }
        memory.insert(&entry(1, 9, 10));
        assert!(memory.get(&entry(1, 0, 0).hash, 1).is_none());
        assert_eq!(held(&memory).0, 4);
        memory.insert(&entry(5, 0, 10));
        assert_eq!(held(&memory).0, 4);
        for number in 0..6 {
            memory.forget(&entry(number, 0, 0).hash);
        }
        assert_eq!(held(&memory), (0, 0));
    }

    #[test]
    fn the_size_is_bounded() {
        let memory = Memory::new(1 << 20);
        for number in 0..10_000_u32 {
            let mut entry = Arc::into_inner(entry(0, 0, number as usize % 4_000)).unwrap();
            entry.hash.0[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
            let entry = Arc::new(entry);
            memory.insert(&entry);
            let fits = entry.weight() <= (1 << 20) / PARTS;
            assert_eq!(memory.get(&entry.hash, 0).is_some(), fits);
        }
        let (entries, bytes) = held(&memory);
        assert!(entries > 100 && bytes <= 1 << 20, "{entries} of {bytes} bytes");
        // A size of zero caches nothing.
        let none = Memory::new(0);
        none.insert(&entry(1, 1, 1));
        assert_eq!(held(&none), (0, 0));
    }
}
