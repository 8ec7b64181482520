//! Keys, signatures and claims: what a verifier accepts and rejects.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "testing")]
mod cache;
#[cfg(feature = "testing")]
mod claims;
#[cfg(feature = "testing")]
mod differential;
#[cfg(feature = "testing")]
mod jamlib_vectors;
mod keys;
#[cfg(feature = "testing")]
mod pool;
mod rfc_vectors;
#[cfg(feature = "testing")]
mod structure;
mod wycheproof;
