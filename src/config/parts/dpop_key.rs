//! Settings of the DPoP key of an OAuth2 client.

use super::keys::SigningMaterial;
use super::location::Spot;
use super::scalars::Alg;
use crate::config::document::{Problem, Section};
use crate::token::dpop::DpopKey;

settings! {
    /// The key that an OAuth2 client binds its tokens to.
    pub(in crate::config) struct DpopKeySettings {
        /// Algorithm of the key. Default: ES256 for a generated key.
        algorithm: Option<Alg>,
    }
}

/// A section of a DPoP key. Without a private key, one is generated at each start.
pub(in crate::config) type DpopKeySection = Section<SigningMaterial, DpopKeySettings>;

impl DpopKeySection {
    pub(super) fn build(&self, spot: &Spot<'_>) -> Result<DpopKey, Problem> {
        let Self(material, settings) = self;
        if !SigningMaterial::is_given(spot) && settings.algorithm.is_none() {
            return spot.built(DpopKey::generate());
        }
        let key = material.build(settings.algorithm, None, spot)?;
        spot.built(DpopKey::new(key))
    }
}
