//! Issuers behind both frameworks: what they publish, and the keys that several processes share.

mod endpoints;
#[cfg(all(feature = "file", feature = "redis"))]
mod shared_ring;
