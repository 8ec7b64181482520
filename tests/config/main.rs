//! Configuration files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "config")]
mod alone;
#[cfg(all(feature = "full", feature = "emulator", feature = "testing"))]
mod files;
