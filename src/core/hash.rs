//! SHA-256, and a fast hash for tables in memory.

use aws_lc_rs::digest::{Context, SHA256};
use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

/// The bytes of a SHA-256 hash.
pub(crate) type Sha256 = [u8; 32];

/// Returns the SHA-256 of a text or bytes.
pub(crate) fn sha256(bytes: impl AsRef<[u8]>) -> Sha256 {
    sha256_of([bytes])
}

/// Returns the SHA-256 of the parts, one after the other.
pub(crate) fn sha256_of(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Sha256 {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part.as_ref());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Returns a fast hash for tables in memory, with seeds that are random per process.
///
/// Attackers cannot construct collisions. Texts that collide are told apart by comparing them.
#[inline]
pub(crate) fn seeded_hash(bytes: &[u8]) -> u64 {
    static SEEDS: OnceLock<(u64, SharedSeed)> = OnceLock::new();
    let (seed, shared) = SEEDS.get_or_init(|| {
        // `RandomState` takes its keys from the operating system's random numbers.
        let random = RandomState::new();
        (random.hash_one("seed"), SharedSeed::from_u64(random.hash_one("shared")))
    });
    let mut hasher = FoldHasher::with_seed(*seed, shared);
    hasher.write(bytes);
    hasher.finish()
}
