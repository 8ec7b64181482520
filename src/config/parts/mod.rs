//! Settings types, one per builder, and how each is built.

#[cfg(feature = "client")]
mod apps;
mod authenticator;
mod context;
mod files;
mod guards;
mod issuers;
mod key_rings;
mod keys;
mod lists;
mod location;
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
mod stores;
mod verifiers;

pub(super) use self::{
    authenticator::Change,
    context::{Files, World},
    location::Spot,
    settings::{JWT, Parts, Settings, not_configured},
};
