//! Settings of sessions.

use super::keys::SealingSettings;
use super::location::Spot;
use super::stores::Stores;
use crate::config::document::{Problem, Section};
use crate::session::{Sessions, builder::SessionOptions};

settings! {
    /// Server-side sessions.
    pub(in crate::config) struct SessionSettings {
        /// Name of the store that keeps them.
        store: String,
        /// Keys that encrypt sessions in the store. Default: no encryption.
        encryption: Option<SealingSettings>,
    }
}

impl Section<SessionOptions, SessionSettings> {
    pub(in crate::config) fn build(
        &self,
        spot: &Spot<'_>,
        stores: &Stores,
    ) -> Result<Sessions, Problem> {
        let Self(options, settings) = self;
        let store = spot.named("store", "store", &settings.store, stores)?;
        let mut sessions = Sessions::builder(store.clone()).clock(spot.world.clock.clone());
        sessions.options = options.clone();
        if let Some(keys) = &settings.encryption {
            sessions = sessions.encrypt(keys.build(&spot.key("encryption"))?);
        }
        sessions.build().map_err(|error| spot.refused(error))
    }
}
