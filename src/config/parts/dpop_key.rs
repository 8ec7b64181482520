//! Settings of the DPoP key of an OAuth2 client.

use super::keys::{PrivateKey, SharedSecret, SigningMaterial};
use super::location::Spot;
use crate::config::document::{Problem, Section};
use crate::jose::Algorithm;
use crate::token::dpop::DpopKey;

settings! {
    /// The key that an OAuth2 client binds its tokens to. Without a private key, each start makes a new
    /// one.
    pub(in crate::config) struct DpopKeySettings {
        /// Algorithm of the private key, such as `ES256`. A new key is for ES256.
        algorithm: Option<Algorithm>,
    }
}

/// A section of a DPoP key.
pub(in crate::config) type DpopKeySection = Section<PrivateKey, DpopKeySettings>;

impl DpopKeySection {
    pub(super) fn build(&self, spot: &Spot<'_>) -> Result<DpopKey, Problem> {
        let Self(private, settings) = self;
        match (SigningMaterial::is_given(spot), settings.algorithm) {
            (false, None) => spot.built(DpopKey::generate()),
            (false, Some(_)) => Err(spot.wrong(
                "'algorithm' without a key: give 'private_key' or 'private_key_file' too, or leave it \
                 out for a new key at each start",
            )),
            (true, algorithm) => {
                let material = Section(SharedSecret::default(), private.clone());
                spot.built(DpopKey::new(material.build(algorithm, None, spot)?))
            }
        }
    }
}
