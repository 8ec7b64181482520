//! Settings of refresh tokens.

use super::location::Spot;
use super::scalars::Time;
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
    /// Name of the store that keeps them.
    store: String,
    /// Their name in the store. Default: `tokens`.
    name: Option<String>,
    /// Time from the login until its last refresh token expires. Default: 30 days, at least 1 s.
    lifetime: Option<Time>,
    /// How long a token may stay unused, at most `lifetime`. Default: `lifetime`.
    idle_lifetime: Option<Time>,
    /// Period in which a used token gets the same new token again. Default: 5 s, at most 60 s.
    grace: Option<Time>,
}

/// A factory of refresh-token builders, because the application chooses the type of the data.
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
