//! The state of the renewals of ID tokens in this process.

#[cfg(feature = "oauth2")]
use super::id_tokens::IdTokens;
use crate::core::lock;
use std::sync::{Mutex, MutexGuard};
use std::{collections::HashSet, sync::atomic::AtomicU64};

/// The renewals of an authenticator's sessions.
#[derive(Default)]
pub(crate) struct Renewals {
    /// SHA-256 of the ids of sessions being renewed: one renewal at a time for each.
    under_way: Mutex<HashSet<[u8; 32]>>,
    /// After an outage of JAM: Unix milliseconds until which requests do not wait for it.
    pub(super) down_until: AtomicU64,
    #[cfg(feature = "oauth2")]
    pub(super) id_tokens: IdTokens,
}

impl Renewals {
    pub(super) fn under_way(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        lock(&self.under_way)
    }
}
