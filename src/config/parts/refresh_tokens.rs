//! Refresh tokens.

use super::scalars::Time;
use super::spot::Spot;
use super::stores::Stores;
use crate::config::document::Problem;
use crate::core::clock::Clock;
use crate::store::Store;
use crate::token::refresh::{RefreshTokens, RefreshTokensBuilder};
use serde::Deserialize;
use std::sync::Arc;

/// Refresh tokens, rotated at each use.
#[derive(Clone, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct RefreshSettings {
    /// The store that keeps them.
    store: String,
    /// Their name in the store; `tokens` unless set.
    name: Option<String>,
    /// How long after the login the last token that follows from it ends; 30 days unless set.
    lifetime: Option<Time>,
    /// How long a token may lie unused.
    idle_lifetime: Option<Time>,
    /// How long a token that was just used is answered once more; 5 s unless set.
    grace: Option<Time>,
}

/// What begins refresh tokens of any data: the type is the application's.
pub(in crate::config) struct Refresh {
    settings: RefreshSettings,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl RefreshSettings {
    pub(in crate::config) fn build(
        &self,
        spot: &Spot<'_>,
        stores: &Stores,
    ) -> Result<Refresh, Problem> {
        let refresh = Refresh {
            settings: self.clone(),
            store: stores.named(&self.store, &spot.key("store"))?,
            clock: spot.world.clock.clone(),
        };
        let tried = refresh.begin::<()>().build();
        tried.map_err(|error| spot.refused(error))?;
        Ok(refresh)
    }
}

impl Refresh {
    pub(in crate::config) fn begin<T>(&self) -> RefreshTokensBuilder<T> {
        let mut tokens = RefreshTokens::builder(self.store.clone()).clock(self.clock.clone());
        if let Some(name) = &self.settings.name {
            tokens = tokens.name(name);
        }
        if let Some(Time(lifetime)) = self.settings.lifetime {
            tokens = tokens.lifetime(lifetime);
        }
        if let Some(Time(lifetime)) = self.settings.idle_lifetime {
            tokens = tokens.idle_lifetime(lifetime);
        }
        if let Some(Time(grace)) = self.settings.grace {
            tokens = tokens.grace(grace);
        }
        tokens
    }
}
