//! Settings of refresh tokens.

use super::location::Spot;
use super::stores::Stores;
use crate::config::document::{Problem, Section};
use crate::core::Clock;
use crate::store::Store;
use crate::token::refresh::builder::RefreshOptions;
use crate::token::refresh::{RefreshTokens, RefreshTokensBuilder};
use std::sync::Arc;

settings! {
    /// Refresh tokens, rotated at each use.
    pub(in crate::config) struct RefreshSettings {
        /// Name of the store that keeps them.
        store: String,
    }
}

/// A factory of refresh-token builders, because the application chooses the type of the data.
pub(in crate::config) struct Refresh {
    options: RefreshOptions,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

/// A section of refresh tokens.
pub(in crate::config) type RefreshSection = Section<RefreshOptions, RefreshSettings>;

impl RefreshSection {
    pub(super) fn build(&self, spot: &Spot<'_>, stores: &Stores) -> Result<Refresh, Problem> {
        let Self(options, settings) = self;
        let refresh = Refresh {
            options: options.clone(),
            store: spot.store(&settings.store, stores)?,
            clock: spot.clock(),
        };
        spot.built(refresh.begin::<()>().build())?;
        Ok(refresh)
    }
}

impl Refresh {
    pub(in crate::config) fn begin<T>(&self) -> RefreshTokensBuilder<T> {
        let mut tokens = RefreshTokens::builder(self.store.clone()).clock(self.clock.clone());
        tokens.options = self.options.clone();
        tokens
    }
}
