//! Verifier builder methods for remote key sets, kept out of `token`, which is independent of them.

use super::builder::RemoteKeySetBuilder;
use super::discovery::Discovery;
use super::location::Published;
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

    /// Takes the keys from a remote key set, which gets the verifier's clock.
    pub(crate) fn key_set(self, keys: RemoteKeySetBuilder) -> Self {
        self.source(move |context| Ok(Arc::new(keys.clock(context.clock.clone()).build()?)))
    }

    /// Takes the keys from a configured remote key set, which verifiers may share.
    pub fn jwks(self, keys: RemoteKeySet) -> Self {
        self.source(move |_| Ok(Arc::new(keys)))
    }

    /// Takes issuer and keys from an OpenID Connect issuer.
    ///
    /// Its discovery document names the key set's URL; tokens must carry exactly this `iss`.
    ///
    /// With an [issuer family](Self::issuer_family), only the keys are taken: tokens must be of a
    /// family, or of an issuer that [`issuer`](Self::issuer) names. The document must name this
    /// issuer or the template of a family.
    pub fn discover(self, issuer: impl Into<String>) -> Self {
        self.discover_with(issuer, |keys| keys)
    }

    /// Takes issuer and keys from an issuer, whose key set is configured.
    pub(crate) fn discover_with(
        mut self,
        issuer: impl Into<String>,
        configure: impl FnOnce(RemoteKeySetBuilder) -> RemoteKeySetBuilder + Send + 'static,
    ) -> Self {
        let issuer = issuer.into();
        self.issuers.discovered = Some(issuer.as_str().into());
        self.source(move |context| {
            let templates = context.templates.clone();
            let place = Published::Issuer(Discovery { templates, ..Discovery::of(issuer) });
            let keys = configure(RemoteKeySetBuilder::new(place));
            Ok(Arc::new(keys.clock(context.clock.clone()).build()?))
        })
    }
}
