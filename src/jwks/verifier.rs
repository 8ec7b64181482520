//! Verifiers over remote key sets; here, because tokens do not know where keys come from.

use super::remote::RemoteKeySet;
use crate::token::builder::VerifierBuilder;
use std::sync::Arc;

impl VerifierBuilder {
    /// Takes the keys from a published JWK set: https, or http on loopback. Fetched when first
    /// needed, refreshed in the background.
    pub fn jwks_url(self, url: impl Into<String>) -> Self {
        let keys = RemoteKeySet::builder(url);
        self.source(move |clock| Ok(Arc::new(keys.clock(clock).build()?)))
    }

    /// Takes the keys from a remote key set of your own settings, which verifiers may share.
    pub fn jwks(self, keys: RemoteKeySet) -> Self {
        self.source(move |_| Ok(Arc::new(keys)))
    }

    /// Takes issuer and keys from an OpenID Connect issuer: its discovery document says where the
    /// keys are, tokens must carry exactly this `iss`.
    pub fn discover(self, issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        let keys = RemoteKeySet::discover(issuer.clone());
        self.issuer(issuer)
            .source(move |clock| Ok(Arc::new(keys.clock(clock).build()?)))
    }
}
