//! The project itself: its layers, examples and documents, and other implementations.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

mod builders;
mod documents;
#[cfg(feature = "client")]
mod examples;
#[cfg(feature = "testing")]
mod interop;
mod layering;
mod migration;
mod rust_version;
