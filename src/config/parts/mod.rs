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

/// Declares stand-ins for the modules of features that this build lacks: they have no keys.
macro_rules! without {
    ($($absent:meta => $module:ident { $($keys:ident),+ },)*) => {
        $(
            #[cfg($absent)]
            mod $module {
                $(pub(super) type $keys = ();)+
            }
        )*
    };
}

#[cfg(feature = "client")]
mod apps;
mod authenticator;
mod claim_paths;
mod dpop;
mod feature;
#[cfg(feature = "file")]
mod file_store;
#[cfg(feature = "client")]
mod introspection;
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
#[cfg(feature = "client")]
mod presets;
mod protected_resource;
#[cfg(feature = "redis")]
mod redis_store;
mod refresh_tokens;
mod registry;
mod scalars;
mod secrets;
mod sessions;
mod settings;
mod stores;
mod verifier_settings;
mod verifiers;

without! {
    not(feature = "client") => apps { Keys, AuthenticatorKeys },
    not(feature = "client") => key_sets { Keys },
    not(feature = "client") => presets { Keys },
    not(feature = "file") => file_store { Keys },
    not(feature = "oauth2") => oauth2 { Keys },
    not(feature = "otp") => otp { Keys },
    not(feature = "redis") => redis_store { Keys },
    not(all(feature = "client", any(feature = "tower", feature = "actix"))) => login { Keys },
    all(feature = "oauth2", not(any(feature = "tower", feature = "actix"))) => oauth2_login { Keys },
}

pub(super) use self::{
    lists::{check_limits, take_limits},
    location::{Change, Files, Spot, World},
    registry::{JWT, Parts},
    settings::{AllSettings, Built},
};
