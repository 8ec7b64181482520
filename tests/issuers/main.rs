//! Issuers of tokens: key sets, key rings, token lists, refresh tokens.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

#[cfg(all(feature = "axum", feature = "emulator", feature = "testing"))]
mod faults;
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod introspection;
#[cfg(feature = "testing")]
mod issuing;
#[cfg(all(feature = "emulator", feature = "testing", feature = "tracing"))]
mod key_sets;
#[cfg(all(feature = "client", feature = "testing"))]
mod presets;
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod publishing;
#[cfg(all(feature = "axum", feature = "oauth2", feature = "testing"))]
mod real;
#[cfg(all(feature = "testing", feature = "metrics"))]
mod refresh_tokens;
#[cfg(all(feature = "axum", feature = "emulator", feature = "testing"))]
mod rotation;
#[cfg(all(
    feature = "axum",
    feature = "actix",
    feature = "emulator",
    feature = "file",
    feature = "metrics",
    feature = "redis",
    feature = "testing"
))]
mod token_lists;
