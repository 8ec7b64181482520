//! Settings of token issuers.

use super::key_rings::Rings;
use super::keys::SigningMaterial;
use super::lists::Lists;
use super::location::Spot;
use super::scalars::Texts;
use crate::config::document::{Problem, Section};
use crate::jose::Algorithm;
use crate::token::issuer::builder::IssuerOptions;
use crate::token::issuer::{Issuer, IssuerBuilder};

settings! {
    /// An issuer of tokens, with a verifier that accepts them.
    pub(in crate::config) struct IssuerSettings {
        /// Signature algorithm of the key.
        algorithm: Option<Algorithm>,
        /// The key's id, `kid`.
        key_id: Option<String>,
        /// Name of a key ring, instead of a key.
        key_ring: Option<String>,
        /// Names of deny lists, whose tokens the issuer's verifier rejects.
        #[serde(default)]
        deny_lists: Texts,
        /// Names of allow lists, to which every issued token is added.
        #[serde(default)]
        allow_lists: Texts,
    }
}

/// A section of an issuer.
pub(in crate::config) type IssuerSection =
    Section<IssuerOptions, Section<SigningMaterial, IssuerSettings>>;

impl IssuerSection {
    pub(super) fn build(
        &self,
        spot: &Spot<'_>,
        rings: &Rings,
        lists: &Lists,
    ) -> Result<Issuer, Problem> {
        let Self(options, Section(material, settings)) = self;
        let mut issuer = Issuer::builder().clock(spot.clock());
        issuer.options = options.clone();
        issuer = match &settings.key_ring {
            Some(ring) => {
                let place = spot.key("key_ring");
                if SigningMaterial::is_given(spot) {
                    return Err(place.wrong("a key is given too: keep one of the two"));
                }
                if settings.algorithm.is_some() || settings.key_id.is_some() {
                    return Err(place.wrong(
                        "the key ring sets the algorithm and the key ids: leave 'algorithm' and \
                         'key_id' out here",
                    ));
                }
                issuer.key_ring(spot.named("key_ring", "key ring", ring, rings)?)
            }
            None if !SigningMaterial::is_given(spot) => {
                return Err(spot.wrong(
                    "there is no key: give 'secret', 'secret_file', 'private_key', \
                     'private_key_file' or 'key_ring'",
                ));
            }
            None => {
                issuer.key(material.build(settings.algorithm, settings.key_id.as_ref(), spot)?)
            }
        };
        let denied = spot.lists("deny_lists", &settings.deny_lists.0, lists)?;
        issuer = denied.into_iter().fold(issuer, IssuerBuilder::deny_list);
        let allowed = spot.lists("allow_lists", &settings.allow_lists.0, lists)?;
        issuer = allowed.into_iter().fold(issuer, IssuerBuilder::allow_list);
        spot.built(issuer.build())
    }
}
