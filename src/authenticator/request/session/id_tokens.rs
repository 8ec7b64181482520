//! Verifiers of the ID tokens that OAuth2 refreshes return.

use crate::core::lock::{read, write};
use crate::oauth2::OAuth2Client;
use crate::token::verifier::Verifier;
use std::{collections::HashMap, sync::RwLock};

/// The verifiers by provider name and client id.
#[derive(Default)]
pub(super) struct IdTokens(RwLock<HashMap<(String, String), Verifier>>);

impl IdTokens {
    fn key(client: &OAuth2Client) -> (String, String) {
        let (provider, id) = (client.provider().name(), client.client_id());
        (provider.to_owned(), id.to_owned())
    }

    pub(super) fn of(&self, client: &OAuth2Client) -> Option<Verifier> {
        read(&self.0).get(&Self::key(client)).cloned()
    }

    pub(super) fn insert(&self, client: &OAuth2Client, verifier: &Verifier) {
        write(&self.0).insert(Self::key(client), verifier.clone());
    }
}
