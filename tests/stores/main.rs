//! Stores: memory, file, Redis, tower-sessions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

#[cfg(all(unix, feature = "file", feature = "testing"))]
mod faults;
#[cfg(feature = "testing")]
mod local;
#[cfg(all(feature = "redis", feature = "testing"))]
mod redis_servers;
#[cfg(all(feature = "testing", feature = "tower-sessions"))]
mod tower_sessions;
