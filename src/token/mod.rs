//! Tokens: verification, issuing, revocation lists and the cache of verified tokens.

pub(crate) mod builder;
pub(crate) mod cache;
pub(crate) mod claim_set;
pub(crate) mod claims;
pub(crate) mod issuer;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod protected_resource;
pub(crate) mod refresh;
pub(crate) mod registered;
pub(crate) mod revocation;
pub(crate) mod ring;
pub(crate) mod rules;
pub(crate) mod thread_cache;
pub(crate) mod verified;
pub(crate) mod verifier;
