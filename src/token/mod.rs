//! Tokens: verification, issuing, revocation lists and the cache of verified tokens.

mod alb;
pub(crate) mod audiences;
pub(crate) mod builder;
pub(crate) mod cache;
pub(crate) mod claim_set;
pub(crate) mod claims;
pub(crate) mod confirmation;
pub(crate) mod dpop;
pub(crate) mod epochs;
pub(crate) mod firebase_emulator;
pub(crate) mod form;
mod full_check;
pub(crate) mod introspection;
pub(crate) mod introspector;
pub(crate) mod issuer;
pub(crate) mod issuers;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod parties;
pub(crate) mod pool;
pub(crate) mod profile;
pub(crate) mod protected_resource;
#[cfg(feature = "client")]
mod provider_rules;
pub(crate) mod refresh;
pub(crate) mod registered;
pub(crate) mod revocation;
pub(crate) mod ring;
pub(crate) mod rules;
pub(crate) mod signature;
pub(crate) mod thread_cache;
pub(crate) mod verified;
pub(crate) mod verifier;
