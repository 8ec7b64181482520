//! Fuzz targets of jamguard: functions from bytes to a [`Verdict`] that panic if an oracle disagrees.
//!
//! [README.md](../README.md) lists the targets with their oracles, and how to run them.

mod common;
pub mod mutate;
mod strict;
mod targets {
    pub mod callback;
    pub mod claims;
    pub mod compact;
    pub mod config;
    pub mod credentials;
    pub mod dpop;
    pub mod header;
    pub mod introspection;
    pub mod jwk;
    pub mod key_set;
    pub mod metadata;
    pub mod paths;
    pub mod policy;
    pub mod resource;
    pub mod signature;
}

pub use targets::*;

/// What jamguard did with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    Refused,
}

impl Verdict {
    fn of<T, E>(result: &Result<T, E>) -> Self {
        if result.is_ok() { Self::Accepted } else { Self::Refused }
    }
}

/// A fuzz target.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]) -> Verdict,
    /// Texts that mutations insert.
    pub words: &'static [&'static str],
    /// Inputs of a smoke run: fewer for slow targets.
    pub smoke: u64,
}

macro_rules! targets {
    ($($name:ident $smoke:literal,)+) => {
        /// All targets.
        pub const TARGETS: &[Target] = &[$(Target {
            name: stringify!($name),
            run: $name::run,
            words: $name::WORDS,
            smoke: $smoke,
        }),+];
    };
}

targets! {
    callback 20_000,
    claims 20_000,
    compact 10_000,
    config 5_000,
    credentials 3_000,
    dpop 2_000,
    header 20_000,
    introspection 1_000,
    jwk 5_000,
    key_set 2_000,
    metadata 5_000,
    paths 5_000,
    policy 10_000,
    resource 20_000,
    signature 3_000,
}
