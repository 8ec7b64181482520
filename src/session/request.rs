//! Sessions in requests: lookup by cookie, and what a login takes over.
//!
//! A lookup completes at once if the store can answer without waiting.

use super::amr::Methods;
use super::handle::Sessions;
use super::id::Hash;
use super::loaded::Loaded;
use super::new_session::NewSession;
use super::settings::OnTypeMismatch;
use crate::core::now_or_later::NowOrLater::{self, Now};
use crate::core::{Error, ErrorKind, millis};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// The result of a lookup by cookie.
///
/// Errors besides the store's: [`ErrorKind::Malformed`], [`ErrorKind::Revoked`] and
/// [`ErrorKind::Expired`] if there is no session; [`ErrorKind::Conflict`] if it just got another
/// id, which this client may have by now.
pub(crate) type Load = NowOrLater<Result<Loaded, Error>>;

/// Returns the SHA-256 of the id in a cookie; `None` if the cookie holds no id.
pub(crate) fn id_hash(cookie: &[u8]) -> Option<[u8; 32]> {
    Hash::of(cookie).map(|hash| hash.0)
}

impl Sessions {
    /// Finds the session of a cookie.
    pub(crate) fn load(&self, cookie: &[u8]) -> Load {
        let Some(hash) = Hash::of(cookie) else {
            return Now(Err(Error::new(ErrorKind::Malformed, "not a session id")));
        };
        if let Some(answer) = self.at_once(hash) {
            return Now(answer);
        }
        let sessions = self.clone();
        Load::later(async move { sessions.present(hash).await })
    }

    /// Reads the session again.
    ///
    /// # Errors
    /// See [`Load`].
    pub(crate) async fn reload(&self, loaded: &Loaded) -> Result<Loaded, Error> {
        self.present(loaded.0.hash).await
    }

    /// Returns the data as a `T`, decoded once and then shared.
    ///
    /// `None` if the session began without data, or if its data has another type and such sessions
    /// start over.
    pub(crate) fn data_of<'a, T>(&self, loaded: &'a Loaded) -> Result<Option<&'a T>, Error>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        match loaded.body().data.decode::<T>() {
            Ok(data) => Ok(Some(data)),
            // The session began without data.
            Err(_) if loaded.data_text() == "null" => Ok(None),
            Err(_) if self.0.on_type_mismatch == OnTypeMismatch::StartOver => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the time to the absolute timeout, the longest useful lifetime of its cookie.
    pub(crate) fn absolute_left(&self, loaded: &Loaded) -> Duration {
        let settings = &*self.0;
        let ends = loaded.body().created.saturating_add(millis(settings.absolute));
        Duration::from_millis(ends.saturating_sub(settings.now()))
    }
}

impl Loaded {
    /// Returns the data as a `T`, decoded once and then shared.
    pub(crate) fn data<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<&T, Error> {
        self.body().data.decode()
    }

    /// Returns the data as a `T` if it was decoded as one before.
    pub(crate) fn decoded<T: 'static>(&self) -> Option<&T> {
        self.body().data.decoded()
    }

    /// Returns whether the application stored data; this crate's own logins store none.
    pub(crate) fn has_data(&self) -> bool {
        self.data_text() != "null"
    }
}

impl NewSession {
    /// Sets the data as JSON, unless it is set.
    pub(crate) fn or_data(mut self, data: String) -> Self {
        self.data.get_or_insert(Ok(data));
        self
    }

    /// Whether this login takes over the data of the session that was read, which it could not
    /// continue.
    ///
    /// A guest's data is never lost. A user's own data is taken over if the session only got another
    /// id; what ended stays ended.
    pub(crate) fn takes_over(&self, read: &Loaded, error: &Error) -> bool {
        let moved = error.kind() == ErrorKind::Conflict && self.continues(read);
        read.key().is_none() || moved
    }

    /// Sets the device label, unless it is set.
    pub(crate) fn or_device(self, label: &str) -> Self {
        match &self.device {
            Some(_) => self,
            None => self.device(label),
        }
    }

    /// Sets the methods by which the user has authenticated already.
    pub(crate) fn proved_by(mut self, methods: Option<Methods>) -> Self {
        self.methods = methods;
        self
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Sessions;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn a_login_takes_over_no_data_that_ended_and_none_of_another_user() {
        let sessions = Sessions::builder(MemoryStore::new()).build().unwrap();
        let (_, anns) = sessions.begin(NewSession::of("ann")).await.unwrap();
        let (_, guests) = sessions.begin(NewSession::guest()).await.unwrap();
        let (ann, bob) = (NewSession::of("ann"), NewSession::of("bob"));
        for (kind, own) in
            [(ErrorKind::Conflict, true), (ErrorKind::Revoked, false), (ErrorKind::Expired, false)]
        {
            let error = Error::new(kind, "");
            assert_eq!(ann.takes_over(&anns, &error), own, "{kind:?}");
            assert!(ann.takes_over(&guests, &error), "{kind:?}");
            assert!(!bob.takes_over(&anns, &error), "{kind:?}");
        }
    }
}
