//! Published keys of other issuers, and introspection of their opaque tokens.

use super::feature::AddTo;
use super::introspection::IntrospectionSection;
use super::location::Spot;
use crate::config::document::Problem;
use crate::jwks::{RemoteKeySet, RemoteKeySetBuilder, builder::KeySetOptions};
use crate::token::builder::VerifierBuilder;

settings! {
    #[derive(Default)]
    pub(in crate::config) struct Keys {
        /// URL of the issuer's published keys: https, or http on loopback.
        jwks_url: Option<String>,
        /// OpenID Connect issuer, whose discovery document locates its keys. Its `iss` is required.
        discover: Option<String>,
        /// How the keys of `jwks_url` or `discover` are fetched.
        key_set: Option<KeySetOptions>,
        /// Introspection of opaque tokens. Without keys, every token is introspected.
        introspection: Option<IntrospectionSection>,
    }
}

impl AddTo<VerifierBuilder> for Keys {
    fn add_to(
        &self,
        verifier: VerifierBuilder,
        (): (),
        spot: &Spot<'_>,
    ) -> Result<VerifierBuilder, Problem> {
        let place = spot.key("key_set");
        let verifier = match &self.introspection {
            Some(introspection) => {
                verifier.introspection(introspection.build(&spot.key("introspection"))?)
            }
            None => verifier,
        };
        Ok(match (&self.jwks_url, &self.discover, &self.key_set) {
            (Some(url), _, None) => verifier.jwks_url(url),
            (Some(url), _, Some(options)) => {
                verifier.jwks(key_set(RemoteKeySet::builder(url), options, &place)?)
            }
            (None, Some(issuer), None) => verifier.discover(issuer),
            (None, Some(issuer), Some(options)) => {
                // Only for the location of a wrong option: the verifier builds its own.
                key_set(RemoteKeySet::discover(issuer), options, &place)?;
                verifier.discover_with(issuer, options.clone())
            }
            (None, None, None) => verifier,
            (None, None, Some(_)) => {
                return Err(place.wrong("there is no 'jwks_url' or 'discover' that it applies to"));
            }
        })
    }
}

/// Builds the key set of an issuer.
pub(super) fn key_set(
    mut keys: RemoteKeySetBuilder,
    options: &KeySetOptions,
    spot: &Spot<'_>,
) -> Result<RemoteKeySet, Problem> {
    keys.options = options.clone();
    spot.built(keys.clock(spot.clock()).build())
}
