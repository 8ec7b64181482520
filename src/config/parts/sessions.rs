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

/// A section of sessions.
pub(in crate::config) type SessionSection = Section<SessionOptions, SessionSettings>;

impl SessionSection {
    pub(super) fn build(&self, spot: &Spot<'_>, stores: &Stores) -> Result<Sessions, Problem> {
        let Self(options, settings) = self;
        let store = spot.store(&settings.store, stores)?;
        let mut sessions = Sessions::builder(store).clock(spot.clock());
        sessions.options = options.clone();
        if let Some(keys) = &settings.encryption {
            sessions = sessions.encrypt(keys.build(&spot.key("encryption"))?);
        }
        spot.built(sessions.build())
    }
}
