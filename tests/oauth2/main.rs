//! OAuth2 and OpenID Connect logins.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

#[cfg(all(feature = "oauth2", feature = "testing"))]
mod client;
#[cfg(all(
    feature = "axum",
    feature = "actix",
    feature = "emulator",
    feature = "file",
    feature = "oauth2",
    feature = "redis",
    feature = "testing",
    feature = "tracing"
))]
mod login;
#[cfg(all(feature = "axum", feature = "oauth2", feature = "testing"))]
mod server;
