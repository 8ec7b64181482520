//! One-time passwords.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

#[cfg(all(unix, feature = "file", feature = "otp", feature = "redis", feature = "testing"))]
mod api;
#[cfg(all(
    feature = "axum",
    feature = "actix",
    feature = "emulator",
    feature = "file",
    feature = "otp",
    feature = "redis",
    feature = "testing"
))]
mod sessions;
#[cfg(feature = "otp")]
mod vectors;
