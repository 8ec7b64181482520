//! Issuers of tokens.

use super::key_rings::Rings;
use super::keys::SigningMaterial;
use super::lists::Lists;
use super::scalars::{Alg, Hidden, Texts, Time};
use super::spot::Spot;
use crate::config::document::Problem;
use crate::token::issuer::Issuer;
use serde::Deserialize;

/// An issuer of tokens, whose verifier accepts them.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct IssuerSettings {
    /// The algorithm that the key signs with.
    algorithm: Option<Alg>,
    /// The key's name, `kid`.
    key_id: Option<String>,
    /// A shared secret, at least as long as the algorithm's hash.
    secret: Option<Hidden>,
    /// A file with a shared secret; one line end at its end is no part of it.
    secret_file: Option<String>,
    /// A private key as PEM or JWK.
    private_key: Option<Hidden>,
    /// A file with a private key as PEM, DER or JWK.
    private_key_file: Option<String>,
    /// The name of a key ring, in place of a key.
    key_ring: Option<String>,
    /// The `iss` of every token.
    issuer: Option<String>,
    /// The `aud` of tokens that bring none along.
    #[serde(default)]
    audience: Texts,
    /// From `iat` to `exp`; 15 minutes unless set.
    lifetime: Option<Time>,
    /// Lets tokens live for more than a year.
    #[serde(default)]
    danger_lifetime_over_a_year: bool,
    /// How far the clocks of the verifiers may be off; 60 s unless set.
    leeway: Option<Time>,
    /// The header's `typ`; `JWT` unless set.
    token_type: Option<String>,
    /// Where the keys are published, for the issuer's metadata.
    jwks_url: Option<String>,
    /// The names of deny lists, whose tokens its verifier refuses.
    #[serde(default)]
    deny_lists: Texts,
    /// The names of allow lists, into which every token is entered when it is issued.
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
                    return Err(place.wrong("there is a key too: keep one of the two"));
                }
                if self.algorithm.is_some() || self.key_id.is_some() {
                    return Err(place.wrong(
                        "the ring says which algorithm and names its keys have: leave 'algorithm' \
                         and 'key_id' out here",
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
