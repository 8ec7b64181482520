//! A session as it was read from the store.

use super::id::Hash;
use super::record::Body;
use super::record_cache::Entry;
use crate::core::debug_fields;
use crate::token::claim_set::ClaimSet;
use std::{sync::Arc, time::Duration};

/// A session as it was read. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Loaded(pub(super) Arc<Entry>);

impl Loaded {
    pub(super) fn new(hash: Hash, version: u64, body: Body) -> Self {
        Self(Arc::new(Entry { hash, version, body }))
    }

    pub(super) fn body(&self) -> &Body {
        &self.0.body
    }

    /// Returns the user's key; `None` for a guest.
    pub(crate) fn key(&self) -> Option<&str> {
        self.body().key.as_deref()
    }

    /// Returns the Unix time of the login.
    pub(crate) fn login(&self) -> Duration {
        Duration::from_millis(self.body().created)
    }

    pub(crate) fn claims(&self) -> &Arc<ClaimSet> {
        &self.body().claims
    }

    /// Returns the name of the session for its user, stable across id changes.
    pub(crate) fn handle(&self) -> String {
        self.body().handle()
    }

    /// Returns the data as JSON.
    pub(crate) fn data_text(&self) -> &str {
        self.body().data.text()
    }
}

debug_fields!(Loaded, self, version = self.0.version);
