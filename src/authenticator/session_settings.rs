//! Session settings of an authenticator.

use super::session_cookie::SessionCookie;
use super::sources::{CredentialSource, SourceKind};
use crate::core::{Error, debug_fields};
use crate::session::Sessions;

/// The sessions of an authenticator.
pub(super) struct SessionSettings {
    pub(super) sessions: Sessions,
    pub(super) cookie: SessionCookie,
    /// The index of the session cookie among the sources.
    pub(super) place: usize,
    #[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
    pub(super) renewals: super::request::Renewals,
}

impl SessionSettings {
    /// Whether browsers send the session cookie only over https.
    pub(super) fn is_secure(&self) -> bool {
        self.cookie.is_secure()
    }

    /// Checks the builder's settings. Default place of the session cookie: after all other sources.
    pub(super) fn new(
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
            #[cfg(all(feature = "client", any(feature = "tower", feature = "actix")))]
            renewals: Default::default(),
        }))
    }
}

debug_fields!(SessionSettings, self, cookie = self.cookie, place = self.place);
