//! Policies, route tables and guards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod guards;
#[cfg(feature = "testing")]
mod language;
