//! Sessions: by themselves, over HTTP, and with tokens of JustAuthenticateMe.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

#[cfg(all(unix, feature = "file", feature = "redis", feature = "testing"))]
mod api;
#[cfg(all(
    feature = "axum",
    feature = "actix",
    feature = "emulator",
    feature = "file",
    feature = "redis",
    feature = "testing"
))]
mod http;
#[cfg(feature = "testing")]
mod interleavings;
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod jam;
