//! Published keys of other issuers.

use super::location::Spot;
use crate::config::document::Problem;
use crate::jwks::{RemoteKeySet, RemoteKeySetBuilder, builder::KeySetOptions};
use crate::token::builder::VerifierBuilder;

/// Adds the keys of `jwks_url` or `discover`, fetched as `key_set` says.
pub(super) fn remote(
    verifier: VerifierBuilder,
    settings: (&Option<String>, &Option<String>, &Option<KeySetOptions>),
    spot: &Spot<'_>,
) -> Result<VerifierBuilder, Problem> {
    let place = spot.key("key_set");
    Ok(match settings {
        (Some(url), _, None) => verifier.jwks_url(url),
        (Some(url), _, Some(options)) => {
            verifier.jwks(key_set(RemoteKeySet::builder(url), options, &place)?)
        }
        (None, Some(issuer), None) => verifier.discover(issuer),
        (None, Some(issuer), Some(options)) => {
            let keys = key_set(RemoteKeySet::discover(issuer), options, &place)?;
            verifier.issuer(issuer).jwks(keys)
        }
        (None, None, None) => verifier,
        (None, None, Some(_)) => {
            return Err(place.wrong("there is no 'jwks_url' or 'discover' that it applies to"));
        }
    })
}

/// Builds the key set of an issuer.
pub(super) fn key_set(
    mut keys: RemoteKeySetBuilder,
    options: &KeySetOptions,
    spot: &Spot<'_>,
) -> Result<RemoteKeySet, Problem> {
    keys.options = options.clone();
    keys.clock(spot.world.clock.clone()).build().map_err(|error| spot.refused(error))
}
