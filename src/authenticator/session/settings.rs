//! Session settings of an authenticator.

use super::cookie::SessionCookie;
#[cfg(feature = "oauth2")]
use super::id_tokens::IdTokens;
use crate::authenticator::credentials::{CredentialSource, SourceKind};
use crate::core::error::Error;
#[cfg(feature = "client")]
use crate::core::lock::lock;
use crate::session::Sessions;
#[cfg(feature = "client")]
use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, atomic::AtomicU64},
    time::Duration,
};

#[cfg(feature = "client")]
/// Default grace period of an expired ID token while JAM is unreachable: 1 hour.
pub(in crate::authenticator) const GRACE: Duration = Duration::from_secs(3600);
/// The state of renewals in this process.
#[cfg(feature = "client")]
#[derive(Default)]
pub(super) struct Renewals {
    /// SHA-256 of the ids of sessions being renewed: one renewal at a time for each.
    pub(super) under_way: Mutex<HashSet<[u8; 32]>>,
    /// After an outage of JAM: Unix milliseconds until which requests do not wait for it.
    pub(super) down_until: AtomicU64,
}

#[cfg(feature = "client")]
impl Renewals {
    pub(super) fn under_way(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        lock(&self.under_way)
    }
}

pub(in crate::authenticator) struct SessionSettings {
    pub(in crate::authenticator) sessions: Sessions,
    pub(super) cookie: SessionCookie,
    /// The index of the session cookie among the sources.
    pub(super) place: usize,
    #[cfg(feature = "client")]
    pub(super) renewals: Renewals,
    #[cfg(feature = "oauth2")]
    pub(super) id_tokens: IdTokens,
}

impl SessionSettings {
    pub(in crate::authenticator) fn place(&self) -> usize {
        self.place
    }

    /// Whether browsers send the session cookie only over https.
    pub(in crate::authenticator) fn is_secure(&self) -> bool {
        self.cookie.is_secure()
    }

    /// Checks the builder's settings. Default place of the session cookie: after all other sources.
    pub(in crate::authenticator) fn new(
        sessions: Option<Sessions>,
        cookie: Option<SessionCookie>,
        sources: &mut Vec<CredentialSource>,
    ) -> Result<Option<Self>, Error> {
        let place = sources.iter().position(|source| source.0 == SourceKind::Session);
        let Some(sessions) = sessions else {
            if cookie.is_some() || place.is_some() {
                return Err(Error::configuration(
                    "a session cookie without sessions: call .sessions(…) too",
                ));
            }
            return Ok(None);
        };
        let cookie = cookie.unwrap_or_default();
        cookie.check()?;
        let taken = |source: &CredentialSource| matches!(&source.0, SourceKind::Cookie(name) if **name == *cookie.name());
        if sources.iter().any(taken) {
            return Err(Error::configuration(
                "a token cookie and the session cookie have the same name: give each its own",
            ));
        }
        let place = place.unwrap_or_else(|| {
            sources.push(CredentialSource::session());
            sources.len() - 1
        });
        Ok(Some(Self {
            sessions,
            cookie,
            place,
            #[cfg(feature = "client")]
            renewals: Renewals::default(),
            #[cfg(feature = "oauth2")]
            id_tokens: IdTokens::default(),
        }))
    }
}
