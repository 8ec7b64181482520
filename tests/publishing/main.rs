//! Issuers behind both frameworks: what they publish, and the keys that several processes share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(all(feature = "file", feature = "redis"))]
#[path = "../support/folder.rs"]
mod folder;
#[cfg(all(feature = "file", feature = "redis"))]
#[path = "../common/redis.rs"]
mod redis;
#[path = "../support/mod.rs"]
mod support;

mod endpoints;
#[cfg(all(feature = "file", feature = "redis"))]
mod shared_ring;
