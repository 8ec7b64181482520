//! Settings types, one per builder, and how each is built.

#[cfg(feature = "client")]
mod apps;
mod authenticator;
mod files;
mod guards;
mod issuers;
mod key_rings;
mod keys;
mod lists;
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
mod login;
#[cfg(feature = "oauth2")]
mod oauth2;
#[cfg(feature = "otp")]
mod otp;
mod refresh_tokens;
mod scalars;
mod sessions;
mod settings;
mod spot;
mod stores;
mod verifiers;
mod world;

pub(super) use self::{
    authenticator::Change,
    settings::{JWT, Parts, Settings, not_configured},
    spot::Spot,
    world::{Files, World},
};
