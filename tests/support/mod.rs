//! What test programs share: one app, served by axum and by actix-web at once, a client that sends
//! exactly the bytes it is told to send, issuers, stores and servers.

// Each program uses its own part of it.
#![allow(dead_code, unused_imports, unused_macros)]

#[macro_use]
mod passes_on;
#[cfg(feature = "oauth2")]
pub(crate) mod browser;
mod client;
#[cfg(feature = "metrics")]
pub(crate) mod counts;
#[cfg(all(feature = "file", feature = "redis"))]
pub(crate) mod every_store;
pub(crate) mod failing;
pub(crate) mod folder;
pub(crate) mod gate;
pub(crate) mod held_pool;
#[cfg(all(feature = "client", feature = "testing"))]
pub(crate) mod issuer;
pub(crate) mod load;
pub(crate) mod proxy;
pub(crate) mod redis;
pub(crate) mod run;
#[cfg(feature = "client")]
pub(crate) mod tls;
#[cfg(feature = "testing")]
pub(crate) mod tokens;
pub(crate) mod wait;

#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
mod web;

pub(crate) use client::{Request, Response, open, receive, send};
#[cfg(all(feature = "axum", feature = "actix", feature = "emulator", feature = "testing"))]
pub(crate) use web::*;

/// The name by which `--exact` finds a test of this module: `module` is its `module_path!()`.
pub(crate) fn test_name(module: &str, test: &str) -> String {
    let (_program, module) = module.split_once("::").unwrap();
    format!("{module}::{test}")
}
