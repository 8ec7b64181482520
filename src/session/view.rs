//! Read-only views of a session: [`SessionRecord`] and [`SessionInfo`].

use super::loaded::Loaded;
use super::settings::Settings;
use crate::core::{clock::system_time, debug_fields};
use serde::de::DeserializeOwned;
use std::time::{Duration, SystemTime};
use std::{marker::PhantomData, ops::Deref, sync::Arc};

pub(super) fn moment(unix_millis: u64) -> SystemTime {
    system_time(Duration::from_millis(unix_millis))
}

/// A session as it was read: the application's data and the session's metadata.
///
/// # Example
/// ```
/// # use jamguard::{Error, SessionId, Sessions};
/// # async fn example(sessions: Sessions, id: SessionId) -> Result<(), Error> {
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Cart { items: Vec<String> }
///
/// if let Some(session) = sessions.get::<Cart>(&id).await? {
///     println!("{:?} has {} items", session.key(), session.items.len());
/// }
/// # Ok(()) }
/// ```
pub struct SessionRecord<T> {
    loaded: Loaded,
    settings: Arc<Settings>,
    of: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + Send + Sync + 'static> SessionRecord<T> {
    /// Creates the view of a session whose data was decoded as a `T`.
    pub(super) fn new(loaded: Loaded, settings: Arc<Settings>) -> Self {
        Self { loaded, settings, of: PhantomData }
    }
}

impl<T> SessionRecord<T> {
    pub(super) fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Returns the user's key; `None` for a guest.
    pub fn key(&self) -> Option<&str> {
        self.loaded.key()
    }

    /// Returns the claims that an [`Identity`](crate::Identity) shows, as JSON.
    pub fn raw_claims(&self) -> &str {
        self.loaded.claims().text()
    }

    /// Returns the label by which the user knows the device.
    pub fn device(&self) -> Option<&str> {
        self.loaded.body().device.as_deref()
    }

    /// Returns the session's name among the user's sessions, as in [`SessionInfo::handle`].
    pub fn handle(&self) -> String {
        self.loaded.handle()
    }

    /// Returns when the session began: at its login, if there was one.
    pub fn created_at(&self) -> SystemTime {
        moment(self.loaded.body().created)
    }

    /// Returns the time of the last use that was written.
    pub fn last_seen(&self) -> SystemTime {
        moment(self.loaded.body().last_seen)
    }

    /// Returns when the session ends if it is not used again.
    pub fn expires_at(&self) -> SystemTime {
        moment(self.settings.expires(self.loaded.body()))
    }
}

impl<T: 'static> Deref for SessionRecord<T> {
    type Target = T;

    #[expect(clippy::expect_used)]
    fn deref(&self) -> &T {
        // `new` is the only constructor; its caller decoded this T into the shared data, which never
        // forgets a decoded type.
        self.loaded.body().data.decoded::<T>().expect("decoded by the constructor's caller")
    }
}

debug_fields!(
    SessionRecord<T>,
    self,
    created_at = self.created_at(),
    last_seen = self.last_seen(),
    expires_at = self.expires_at()
);

/// One of a user's sessions, for a list of their devices.
///
/// # Example
/// ```
/// # async fn example(sessions: jamguard::Sessions) -> Result<(), jamguard::Error> {
/// for session in sessions.devices("ann@example.com").await? {
///     println!("{:?}, last seen {:?}", session.device(), session.last_seen());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SessionInfo {
    handle: String,
    device: Option<Arc<str>>,
    created: u64,
    last_seen: u64,
    expires: u64,
}

impl SessionInfo {
    pub(super) fn new(loaded: &Loaded, expires: u64) -> Self {
        let body = loaded.body();
        Self {
            handle: body.handle(),
            device: body.device.clone(),
            created: body.created,
            last_seen: body.last_seen,
            expires,
        }
    }

    /// Returns the session's name for [`end_device`](crate::Sessions::end_device), stable across id changes.
    ///
    /// It is not a credential: it gives no access to the session.
    pub fn handle(&self) -> &str {
        &self.handle
    }

    /// Returns the label by which the user knows the device.
    pub fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    /// Returns when the login was.
    pub fn created_at(&self) -> SystemTime {
        moment(self.created)
    }

    /// Returns the time of the last use that was written.
    pub fn last_seen(&self) -> SystemTime {
        moment(self.last_seen)
    }

    /// Returns when the session ends if it is not used again.
    pub fn expires_at(&self) -> SystemTime {
        moment(self.expires)
    }
}

debug_fields!(
    SessionInfo,
    self,
    device = self.device(),
    created_at = self.created_at(),
    last_seen = self.last_seen()
);
