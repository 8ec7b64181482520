//! Settings of sessions.

use super::keys::SealingSettings;
use super::location::Spot;
use super::scalars::Time;
use super::stores::Stores;
use crate::config::document::Problem;
use crate::session::{OnTypeMismatch, Sessions};
use serde::Deserialize;

/// Server-side sessions.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SessionSettings {
    /// Name of the store that keeps them.
    store: String,
    /// Their name in the store. Default: `sessions`.
    name: Option<String>,
    /// How long a session lives without use. Default: 24 hours, at least 1 s.
    idle_timeout: Option<Time>,
    /// How long a session lives after its login, even while in use. Default: 30 days.
    absolute_timeout: Option<Time>,
    /// Minimum interval between writes of a session's last use. Default: 1 minute.
    touch_every: Option<Time>,
    /// Keys that encrypt sessions in the store. Default: no encryption.
    encryption: Option<SealingSettings>,
    /// Handling of stored data that is not of the requested type. Default: `refuse`.
    on_type_mismatch: Option<OnSchemaChange>,
    /// Maximum size of a session's data, in bytes of JSON. Default: 64 KiB.
    max_bytes: Option<usize>,
    /// Memory for decoded sessions, in bytes. Default: 32 MiB.
    cache_bytes: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum OnSchemaChange {
    /// Reading the data is an error.
    Refuse,
    /// The session is treated as ended.
    StartOver,
}

impl SessionSettings {
    pub(in crate::config) fn build(
        &self,
        spot: &Spot<'_>,
        stores: &Stores,
    ) -> Result<Sessions, Problem> {
        let store = stores.named(&self.store, &spot.key("store"))?;
        let mut sessions = Sessions::builder(store).clock(spot.world.clock.clone());
        if let Some(name) = &self.name {
            sessions = sessions.name(name);
        }
        if let Some(Time(timeout)) = self.idle_timeout {
            sessions = sessions.idle_timeout(timeout);
        }
        if let Some(Time(timeout)) = self.absolute_timeout {
            sessions = sessions.absolute_timeout(timeout);
        }
        if let Some(Time(interval)) = self.touch_every {
            sessions = sessions.touch_every(interval);
        }
        if let Some(keys) = &self.encryption {
            sessions = sessions.encrypt(keys.build(&spot.key("encryption"))?);
        }
        if let Some(choice) = self.on_type_mismatch {
            sessions = sessions.on_type_mismatch(match choice {
                OnSchemaChange::Refuse => OnTypeMismatch::Refuse,
                OnSchemaChange::StartOver => OnTypeMismatch::StartOver,
            });
        }
        if let Some(bytes) = self.max_bytes {
            sessions = sessions.max_bytes(bytes);
        }
        if let Some(bytes) = self.cache_bytes {
            sessions = sessions.cache_bytes(bytes);
        }
        sessions.build().map_err(|error| spot.refused(error))
    }
}
