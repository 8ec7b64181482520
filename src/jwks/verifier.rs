//! Verifier builder methods for remote key sets, kept out of `token`, which is independent of them.

use super::builder::RemoteKeySetBuilder;
use super::remote::RemoteKeySet;
use crate::token::builder::VerifierBuilder;
use std::sync::Arc;

impl VerifierBuilder {
    /// Takes the keys from a published JWK set at `url`: https, or http on loopback.
    ///
    /// They are fetched on first use and refreshed in the background.
    pub fn jwks_url(self, url: impl Into<String>) -> Self {
        self.key_set(RemoteKeySet::builder(url))
    }

    /// Takes the keys from a configured remote key set, which verifiers may share.
    pub fn jwks(self, keys: RemoteKeySet) -> Self {
        self.source(move |_, _| Ok(Arc::new(keys)))
    }

    /// Takes issuer and keys from an OpenID Connect issuer.
    ///
    /// Its discovery document names the key set's URL; tokens must carry exactly this `iss`.
    pub fn discover(self, issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        let keys = RemoteKeySet::discover(issuer.clone());
        self.issuer(issuer).key_set(keys)
    }

    /// Takes the keys from a remote key set, which gets the verifier's clock.
    pub(crate) fn key_set(self, keys: RemoteKeySetBuilder) -> Self {
        self.source(move |clock, _| Ok(Arc::new(keys.clock(clock).build()?)))
    }
}
