//! Sessions.

use super::keys::SealingSettings;
use super::scalars::Time;
use super::spot::Spot;
use super::stores::Stores;
use crate::config::document::Problem;
use crate::session::{SchemaChange, Sessions};
use serde::Deserialize;

/// Sessions that live on the server.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SessionSettings {
    /// The store that keeps them.
    store: String,
    /// Their name in the store; `sessions` unless set.
    name: Option<String>,
    /// How long a session lives unused; 24 hours unless set.
    idle_timeout: Option<Time>,
    /// How long a session lives after its login; 30 days unless set.
    absolute_timeout: Option<Time>,
    /// How often at most a use is written down; once a minute unless set.
    touch_every: Option<Time>,
    /// The keys that encrypt what the store keeps.
    encryption: Option<SealingSettings>,
    /// What becomes of a session whose data is of another type than asked for; `refuse` unless set.
    on_schema_change: Option<OnSchemaChange>,
    /// How many bytes a session's data has at most; 64 KiB unless set.
    max_bytes: Option<usize>,
    /// Memory for sessions as they were last read, in bytes; 32 MiB unless set.
    cache_bytes: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum OnSchemaChange {
    /// Reading it is an error.
    Refuse,
    /// It counts as ended.
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
        if let Some(choice) = self.on_schema_change {
            sessions = sessions.on_schema_change(match choice {
                OnSchemaChange::Refuse => SchemaChange::Refuse,
                OnSchemaChange::StartOver => SchemaChange::StartOver,
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
