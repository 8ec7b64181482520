//! Settings types, one per builder, and how each is built.

/// Derives what all settings need: unknown keys are errors, and names are in snake case.
macro_rules! settings {
    ($($settings:item)*) => {
        $(
            #[derive(Clone, serde::Deserialize)]
            #[cfg_attr(test, derive(schemars::JsonSchema))]
            #[serde(deny_unknown_fields, rename_all = "snake_case")]
            $settings
        )*
    };
}

#[cfg(feature = "client")]
mod apps;
mod authenticator;
mod claim_paths;
mod context;
mod cookies;
#[cfg(feature = "file")]
mod file_store;
mod files;
mod guards;
mod issuers;
mod key_rings;
#[cfg(feature = "client")]
mod key_sets;
mod keys;
mod lists;
mod location;
#[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
mod login;
#[cfg(feature = "oauth2")]
mod oauth2;
#[cfg(all(feature = "oauth2", any(feature = "tower", feature = "actix")))]
mod oauth2_login;
#[cfg(feature = "otp")]
mod otp;
#[cfg(feature = "redis")]
mod redis_store;
mod refresh_tokens;
mod scalars;
mod sessions;
mod settings;
mod stores;
mod verifiers;

pub(super) use self::{
    authenticator::Change,
    context::{Files, World},
    lists::{check_limits, take_limits},
    location::Spot,
    settings::{JWT, Parts, Settings, not_configured},
};
