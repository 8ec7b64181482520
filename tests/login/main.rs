//! Logins at JustAuthenticateMe: client, pages, emulator, and in a browser.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod browser;
#[cfg(all(feature = "emulator", feature = "testing"))]
mod client;
#[cfg(all(feature = "emulator", feature = "testing"))]
mod emulator;
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod pages;
