//! Settings of DPoP: how the proofs of requests are verified.

use super::keys::SealingSettings;
use super::location::Spot;
use super::registry::Parts;
use super::scalars::Given;
use crate::config::document::{Problem, Section};
use crate::token::dpop::{Dpop, DpopBuilder, builder::DpopOptions};

settings! {
    /// Tokens that are bound to a key, with a proof in each request (DPoP, RFC 9449).
    pub(in crate::config) struct DpopSettings {
        /// Name of the store that remembers used proofs. Default: this process's memory.
        store: Option<String>,
        /// Keys of this server's nonces, which proofs must then have. Default: no nonces.
        nonces: Option<SealingSettings>,
    }
}

/// A section of the proofs of requests.
pub(in crate::config) type DpopSection = Section<DpopOptions, DpopSettings>;

impl DpopSection {
    pub(super) fn build(&self, spot: &Spot<'_>, parts: &Parts) -> Result<Dpop, Problem> {
        let Self(options, settings) = self;
        let mut dpop = Dpop::builder().clock(spot.clock());
        dpop.options = options.clone();
        let store = spot.if_named("store", "store", &settings.store, &parts.stores)?;
        dpop = dpop.given(&store, DpopBuilder::store);
        if let Some(keys) = &settings.nonces {
            dpop = dpop.nonces(keys.build(&spot.key("nonces"))?);
        }
        spot.built(dpop.build())
    }
}
