//! Requests through the layers of both frameworks, and their answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

#[cfg(all(
    feature = "axum",
    feature = "actix",
    feature = "emulator",
    feature = "testing",
    feature = "tracing"
))]
mod answers;
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod attacks;
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod cross_site;
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod long_lived;
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod many_apps;
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod mcp;
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod mesh_headers;
#[cfg(all(feature = "axum", feature = "client", feature = "testing"))]
mod one_clock;
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod overload;
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod parity;
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod protected_resource;
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod sender_constrained;
#[cfg(all(feature = "tower", feature = "client", feature = "testing"))]
mod tonic;
