//! A cache of decoded and decrypted session records.
//!
//! Every answer is checked against the store's current version, and a version never changes its
//! contents. So any entry may be evicted at any time, and a table with a few places per hash
//! serves: it is several times as fast as a cache that tracks usage.

use super::id::Hash;
use super::record::Body;
use std::sync::{Arc, PoisonError, RwLock};

/// Shards, so that readers of different sessions seldom contend.
const PARTS: usize = 64;
/// Places for hashes that collide.
const WAYS: usize = 4;
/// Bytes of an entry besides its texts, and the usual weight of a small entry.
const OVERHEAD: usize = 64;
const SMALL: u64 = 512;

/// One version of a session, as it was read.
pub(super) struct Entry {
    pub(super) hash: Hash,
    pub(super) version: u64,
    pub(super) body: Body,
}

impl Entry {
    fn weight(&self) -> usize {
        OVERHEAD + self.body.weight()
    }
}

pub(super) struct Memory {
    parts: [RwLock<Part>; PARTS],
    /// Per part.
    max_bytes: usize,
    /// Per part; a power of two.
    sets: usize,
}

#[derive(Default)]
struct Part {
    /// Empty until the first insertion.
    places: Vec<Option<Arc<Entry>>>,
    bytes: usize,
    /// The place of a full set that is replaced next.
    turn: usize,
}

impl Memory {
    pub(super) fn new(max_bytes: u64) -> Self {
        let of_one = max_bytes / PARTS as u64;
        let sets = (of_one / SMALL / WAYS as u64).max(1);
        Self {
            parts: std::array::from_fn(|_| RwLock::default()),
            max_bytes: usize::try_from(of_one).unwrap_or(usize::MAX),
            // At most 2²⁰, whatever the configured size.
            sets: 1 << sets.ilog2().min(20),
        }
    }

    /// Returns the part and set of a hash. Any of its bytes serve, because it is a SHA-256.
    fn part(&self, hash: &Hash) -> (&RwLock<Part>, usize) {
        let [first, a, b, c, ..] = hash.0;
        let set = u32::from_be_bytes([0, a, b, c]) as usize % self.sets;
        (&self.parts[usize::from(first) % PARTS], set * WAYS)
    }

    pub(super) fn get(&self, hash: &Hash, version: u64) -> Option<Arc<Entry>> {
        let (part, at) = self.part(hash);
        // Nothing panics while a lock is held.
        let part = part.read().unwrap_or_else(PoisonError::into_inner);
        let set = part.places.get(at..at + WAYS)?;
        let known = set.iter().flatten().find(|entry| entry.hash == *hash)?;
        (known.version == version).then(|| known.clone())
    }

    pub(super) fn insert(&self, entry: &Arc<Entry>) {
        let weight = entry.weight();
        if weight > self.max_bytes {
            return;
        }
        let (part, at) = self.part(&entry.hash);
        let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
        let mut dropped = Vec::new();
        if part.places.is_empty() {
            part.places.resize_with(self.sets * WAYS, || None);
        } else if part.bytes + weight > self.max_bytes {
            // A full part starts over empty.
            dropped.extend(part.places.iter_mut().filter_map(Option::take));
            part.bytes = 0;
        }
        part.turn = (part.turn + 1) % WAYS;
        let turn = part.turn;
        let set = &mut part.places[at..at + WAYS];
        let same = |place: &Option<Arc<Entry>>| {
            place.as_ref().is_some_and(|known| known.hash == entry.hash)
        };
        let place = (set.iter().position(same))
            .or_else(|| set.iter().position(Option::is_none))
            .unwrap_or(turn);
        let old = set[place].replace(entry.clone());
        part.bytes += weight;
        if let Some(old) = old {
            part.bytes -= old.weight();
            dropped.push(old);
        }
        // Dropped outside the lock, because a drop may run code of the application.
        drop(part);
    }

    pub(super) fn forget(&self, hash: &Hash) {
        let (part, at) = self.part(hash);
        let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
        let set = part.places.get_mut(at..at + WAYS);
        let place = set.and_then(|set| {
            set.iter_mut().find(|place| place.as_ref().is_some_and(|known| known.hash == *hash))
        });
        let old = place.and_then(Option::take);
        part.bytes -= old.as_ref().map_or(0, |old| old.weight());
        drop(part);
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
        let (mut entries, mut bytes) = (0, 0);
        for part in &memory.parts {
            let part = part.read().unwrap();
            let weights = part.places.iter().flatten().map(|entry| entry.weight());
            let weight: usize = weights.sum();
            assert_eq!(part.bytes, weight);
            entries += part.places.iter().flatten().count();
            bytes += weight;
        }
        (entries, bytes)
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
            let fits = entry.weight() <= memory.max_bytes;
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
