//! Authentication of a request by its session.

use super::form_token;
use super::request_session::RequestSession;
use crate::authenticator::handle::Authenticator;
use crate::authenticator::request::attached::Authenticated;
use crate::authenticator::request::credentials::{self, Head};
use crate::authenticator::session_settings::SessionSettings;
use crate::core::now_or_later::NowOrLater::{self, Now};
use crate::core::{Error, ErrorKind};
use crate::session::Loaded;
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

/// Bytes of the cookie to keep: more than any id has, so a truncated cookie never matches.
const ENOUGH: usize = 64;

impl RequestSession {
    /// Returns the session of a request, not loaded yet.
    pub(in crate::authenticator::request) fn of(
        auth: &Authenticator,
        head: &impl Head,
        settings: &Arc<SessionSettings>,
    ) -> Arc<Self> {
        let cookie = credentials::cookie(head, settings.cookie.name());
        let cookie = cookie.map(|found| {
            found.map(|value| Zeroizing::new(value[..value.len().min(ENOUGH)].to_vec()))
        });
        let foreign = auth.origins().check(head).err().filter(|_| {
            let cookie = cookie.as_ref().ok().and_then(Option::as_deref);
            !cookie.is_some_and(|cookie| form_token::comes_with(head, cookie))
        });
        Arc::new(Self {
            auth: auth.clone(),
            settings: settings.clone(),
            cookie,
            foreign,
            state: Mutex::default(),
        })
    }

    /// Loads the session and returns its user; `None` without a session and for a guest's.
    pub(in crate::authenticator::request) fn authenticate(
        self: &Arc<Self>,
    ) -> NowOrLater<Option<Authenticated>> {
        match self.load() {
            Ok(Some(load)) => {
                let load = self.kept_fresh(load);
                load.map_with(self, |session, found| session.authenticated(found))
            }
            Ok(None) => Now(None),
            Err(error) => {
                // Browsers send cookies unasked, so two different ones of one name.
                let is_ambiguous = error.kind() == ErrorKind::InvalidRequest;
                let is_fatal = !is_ambiguous || self.auth.is_strict();
                Now(Some(Authenticated::invalid(error, is_fatal)))
            }
        }
    }

    fn authenticated(&self, found: Result<Loaded, Error>) -> Option<Authenticated> {
        match self.settle(found) {
            Ok(loaded) => {
                loaded.key()?;
                Some(Authenticated::Session(loaded))
            }
            Err(error) => {
                let is_fatal = !self.has_ended() || self.auth.is_strict();
                Some(Authenticated::invalid(error, is_fatal))
            }
        }
    }
}
