//! Verifiers of the ID tokens that OAuth2 refreshes return.

use crate::oauth2::OAuth2Client;
use crate::token::verifier::Verifier;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// The verifiers by provider name and client id.
#[derive(Default)]
pub(super) struct IdTokens(RwLock<HashMap<(String, String), Verifier>>);

impl IdTokens {
    fn key(client: &OAuth2Client) -> (String, String) {
        let (provider, id) = (client.provider().name(), client.client_id());
        (provider.to_owned(), id.to_owned())
    }

    pub(super) fn of(&self, client: &OAuth2Client) -> Option<Verifier> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&Self::key(client)).cloned()
    }

    pub(super) fn insert(&self, client: &OAuth2Client, verifier: &Verifier) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(Self::key(client), verifier.clone());
    }
}
