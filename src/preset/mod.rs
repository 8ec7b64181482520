//! Presets: the rules for the tokens of well-known providers.

mod apps;
mod argument;
mod authenticator;
mod authorization_servers;
mod builder;
mod proxies;
mod workloads;

pub use builder::Preset;
