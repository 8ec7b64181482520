//! Settings of token issuers.

use super::key_rings::Rings;
use super::keys::SigningMaterial;
use super::lists::Lists;
use super::location::Spot;
use super::scalars::{Alg, Hidden, Texts, Time};
use crate::config::document::Problem;
use crate::token::issuer::Issuer;
use serde::Deserialize;

/// An issuer of tokens, with a verifier that accepts them.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct IssuerSettings {
    /// Signature algorithm of the key.
    algorithm: Option<Alg>,
    /// The key's id, `kid`.
    key_id: Option<String>,
    /// A shared secret, at least as long as the algorithm's hash.
    secret: Option<Hidden>,
    /// A file with a shared secret. One line ending at its end is ignored.
    secret_file: Option<String>,
    /// A private key as PEM or JWK.
    private_key: Option<Hidden>,
    /// A file with a private key as PEM, DER or JWK.
    private_key_file: Option<String>,
    /// Name of a key ring, instead of a key.
    key_ring: Option<String>,
    /// The `iss` of every token. Default: no `iss`.
    issuer: Option<String>,
    /// The `aud` of tokens whose claims have none.
    #[serde(default)]
    audience: Texts,
    /// Time from `iat` to `exp`. Default: 15 minutes. Range: 1 s to 366 days.
    lifetime: Option<Time>,
    /// Allows token lifetimes over a year.
    #[serde(default)]
    danger_lifetime_over_a_year: bool,
    /// Tolerated clock difference of verifiers. Default: 60 s, at most 1 hour.
    leeway: Option<Time>,
    /// The header's `typ`. Default: `JWT`.
    token_type: Option<String>,
    /// URL where the keys are published, for the issuer's metadata.
    jwks_url: Option<String>,
    /// Names of deny lists, whose tokens the issuer's verifier rejects.
    #[serde(default)]
    deny_lists: Texts,
    /// Names of allow lists, to which every issued token is added.
    #[serde(default)]
    allow_lists: Texts,
}

impl IssuerSettings {
    pub(in crate::config) fn build(
        &self,
        spot: &Spot<'_>,
        rings: &Rings,
        lists: &Lists,
    ) -> Result<Issuer, Problem> {
        let material = SigningMaterial {
            algorithm: self.algorithm,
            key_id: self.key_id.as_ref(),
            secret: self.secret.as_ref(),
            secret_file: self.secret_file.as_ref(),
            private_key: self.private_key.as_ref(),
            private_key_file: self.private_key_file.as_ref(),
        };
        let mut issuer = Issuer::builder().clock(spot.world.clock.clone());
        issuer = match &self.key_ring {
            Some(ring) => {
                let place = spot.key("key_ring");
                if material.is_given() {
                    return Err(place.wrong("a key is given too: keep one of the two"));
                }
                if self.algorithm.is_some() || self.key_id.is_some() {
                    return Err(place.wrong(
                        "the key ring sets the algorithm and the key ids: leave 'algorithm' and \
                         'key_id' out here",
                    ));
                }
                issuer.key_ring(rings.named(ring, &place)?)
            }
            None if !material.is_given() => {
                return Err(spot.wrong(
                    "there is no key: give 'secret', 'secret_file', 'private_key', \
                     'private_key_file' or 'key_ring'",
                ));
            }
            None => issuer.key(material.build(spot)?),
        };
        if let Some(name) = &self.issuer {
            issuer = issuer.issuer(name);
        }
        for audience in &self.audience.0 {
            issuer = issuer.audience(audience);
        }
        if let Some(Time(lifetime)) = self.lifetime {
            issuer = issuer.lifetime(lifetime);
        }
        if self.danger_lifetime_over_a_year {
            issuer = issuer.danger_lifetime_over_a_year();
        }
        if let Some(Time(leeway)) = self.leeway {
            issuer = issuer.leeway(leeway);
        }
        if let Some(typ) = &self.token_type {
            issuer = issuer.token_type(typ);
        }
        if let Some(url) = &self.jwks_url {
            issuer = issuer.jwks_url(url);
        }
        for list in lists.named(&self.deny_lists.0, &spot.key("deny_lists"))? {
            issuer = issuer.deny_list(list);
        }
        for list in lists.named(&self.allow_lists.0, &spot.key("allow_lists"))? {
            issuer = issuer.allow_list(list);
        }
        issuer.build().map_err(|error| spot.refused(error))
    }
}
