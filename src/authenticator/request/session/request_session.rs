//! The session of one request: loaded at most once, shared by its handlers and middleware.

use super::data::{Change, Merge, SessionData, Version, Written};
use crate::authenticator::handle::Authenticator;
use crate::authenticator::session_settings::SessionSettings;
use crate::core::{Error, ErrorKind, lock, telemetry};
use crate::session::{Load, Loaded, Methods, NewSession, SessionId, Sessions, from_json, is_any};
use std::any::{Any, TypeId};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use zeroize::Zeroizing;

/// What the handlers and middleware of a request share of its session.
pub(crate) struct RequestSession {
    pub(super) auth: Authenticator,
    pub(super) settings: Arc<SessionSettings>,
    /// The session cookie's value; an error if the request has two different ones.
    pub(super) cookie: Result<Option<Zeroizing<Vec<u8>>>, Error>,
    /// The error if another site's page sent the request: the session must not be used.
    pub(super) foreign: Option<Error>,
    pub(super) state: Mutex<State>,
}

/// The session and the changes that the request has made so far.
#[derive(Default)]
pub(super) struct State {
    pub(super) found: Found,
    /// The first version of the data for each type that handlers used.
    versions: Vec<Arc<dyn Any + Send + Sync>>,
    /// The newest version, if a handler wrote one, and its type.
    pub(super) written: Option<(TypeId, Arc<dyn Written>)>,
    pub(super) changes: Changes,
    pub(super) merge: Option<Merge>,
    pub(super) login: Option<NewSession>,
    pub(super) rotate: bool,
    /// Authentication methods proved in this request.
    pub(super) methods: Option<Methods>,
    /// Another user's session that a login replaces.
    pub(super) previous: Option<Loaded>,
    /// The client's `User-Agent`.
    pub(super) device: Option<Box<str>>,
    /// Whether changes are no longer saved: the response is on its way or was dropped.
    pub(super) closed: bool,
    pub(super) given: Given,
}

/// The session id that the client holds.
#[derive(Default)]
pub(super) enum Given {
    /// The one in the request.
    #[default]
    Before,
    /// A new one, with the response being built.
    Soon,
    Now(SessionId),
}

/// The session of an open request. Dropping it closes the session to changes: the client
/// disconnected, or the request was refused.
pub(in crate::authenticator::request) struct OpenSession(Arc<RequestSession>);

impl OpenSession {
    pub(in crate::authenticator::request) fn new(session: Arc<RequestSession>) -> Self {
        Self(session)
    }

    pub(in crate::authenticator::request) fn session(&self) -> &Arc<RequestSession> {
        &self.0
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.0.state().closed = true;
    }
}

/// How the data was changed, to resolve conflicts.
pub(super) enum Changes {
    Repeatable(Vec<Change>),
    ByHand,
}

impl Default for Changes {
    fn default() -> Self {
        Self::Repeatable(Vec::new())
    }
}

#[derive(Clone, Default)]
pub(super) enum Found {
    /// Not loaded yet.
    #[default]
    Unknown,
    /// The client has no session.
    Nothing,
    /// The session has ended; `removed` if its cookie must be removed.
    Ended {
        removed: bool,
    },
    Live(Loaded),
}

impl RequestSession {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Checks that handlers may use the session. Also protects against a forged login.
    ///
    /// # Errors
    /// [`ErrorKind::CrossSite`].
    pub(crate) fn check_origin(&self) -> Result<(), Error> {
        self.foreign.clone().map_or(Ok(()), Err)
    }

    /// Starts loading the session; `None` if the client has none.
    ///
    /// # Errors
    /// [`ErrorKind::CrossSite`] if another site's page sent the request.
    pub(super) fn load(&self) -> Result<Option<Load>, Error> {
        match self.cookie.as_ref().map_err(Error::clone)? {
            Some(cookie) => {
                self.check_origin()?;
                Ok(Some(self.settings.sessions.load(cookie)))
            }
            None => {
                self.state().found = Found::Nothing;
                Ok(None)
            }
        }
    }

    /// Stores the result of loading.
    pub(super) fn settle(&self, found: Result<Loaded, Error>) -> Result<Loaded, Error> {
        let (found, answer) = match found {
            Ok(loaded) => (Found::Live(loaded.clone()), Ok(loaded)),
            Err(error) => match error.kind() {
                ErrorKind::Malformed | ErrorKind::Revoked | ErrorKind::Expired => {
                    (Found::Ended { removed: true }, Err(error))
                }
                // A login was answered meanwhile and the client has the new id: removing the cookie
                // would delete it.
                ErrorKind::Conflict => (
                    Found::Ended { removed: false },
                    Err(Error::new(
                        ErrorKind::Revoked,
                        "the session has a new id: repeat the request",
                    )),
                ),
                _ => (Found::Unknown, Err(error)),
            },
        };
        self.state().found = found;
        answer
    }

    /// Renews the ID token of a JAM login's session if needed.
    pub(super) fn kept_fresh(self: &Arc<Self>, load: Load) -> Load {
        #[cfg(feature = "client")]
        let load = load
            .and_then(self, |session, loaded| session.auth.freshened(loaded, &session.settings));
        load
    }

    /// Returns the session for a handler, loaded on first use; `None` if there is none or it ended.
    pub(super) async fn opened(self: &Arc<Self>) -> Result<Option<Loaded>, Error> {
        self.find(|load| self.kept_fresh(load)).await
    }

    /// Returns the session for a login, without renewing its tokens.
    pub(super) async fn found(&self) -> Result<Option<Loaded>, Error> {
        self.find(|load| load).await
    }

    /// Returns the session to change or end it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if two cookies name two sessions: the choice is ambiguous.
    pub(super) async fn found_alone(&self) -> Result<Option<Loaded>, Error> {
        self.cookie.as_ref().map_err(Error::clone)?;
        self.found().await
    }

    async fn find(&self, prepare: impl FnOnce(Load) -> Load) -> Result<Option<Loaded>, Error> {
        let found = self.state().found.clone();
        match found {
            Found::Live(loaded) => return Ok(Some(loaded)),
            Found::Nothing | Found::Ended { .. } => return Ok(None),
            Found::Unknown => {}
        }
        let load = match self.load() {
            // Browsers send cookies unasked: treat the client as one without a session.
            Err(error) if error.kind() == ErrorKind::InvalidRequest => {
                telemetry::refused(&error);
                self.state().found = Found::Nothing;
                return Ok(None);
            }
            load => load?,
        };
        let Some(load) = load.map(prepare) else {
            return Ok(None);
        };
        match self.settle(load.await) {
            Ok(loaded) => Ok(Some(loaded)),
            Err(error) if self.has_ended() => {
                telemetry::refused(&error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state().found, Found::Ended { .. })
    }

    /// Returns the `Set-Cookie` value that removes an ended session's cookie.
    pub(in crate::authenticator::request) fn removal(&self) -> Option<String> {
        matches!(self.state().found, Found::Ended { removed: true })
            .then(|| self.settings.cookie.remove())
    }
}

impl Found {
    pub(super) fn live(&self) -> Option<&Loaded> {
        match self {
            Self::Live(loaded) => Some(loaded),
            _ => None,
        }
    }
}

impl State {
    /// Returns the data for a handler that opens the session.
    pub(super) fn open<T: SessionData>(
        &mut self,
        device: Option<Box<str>>,
        found: Option<Loaded>,
        sessions: &Sessions,
    ) -> Result<Arc<Version<T>>, Error> {
        if device.is_some() {
            self.device = device;
        }
        if let Some(newest) = self.newest()? {
            return Ok(newest);
        }
        let data = match found.filter(Loaded::has_data) {
            // Data of another type is an error or, if so configured, no data.
            Some(loaded) if sessions.data_of::<T>(&loaded)?.is_some() => Version::kept(loaded)?,
            _ => Version::own(T::default()),
        };
        self.keep(&data);
        Ok(data)
    }

    /// Returns the newest data as this type; `None` if the type was not used yet.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`] if another type wrote data that does not fit `T`.
    fn newest<T: SessionData>(&mut self) -> Result<Option<Arc<Version<T>>>, Error> {
        let own =
            self.versions.iter().find_map(|version| version.clone().downcast::<Version<T>>().ok());
        let other = match &self.written {
            // `()` writes no data; it only begins a session.
            Some((by, written)) if *by != TypeId::of::<T>() && *by != TypeId::of::<()>() => {
                written.to_json()?
            }
            _ => return Ok(own.map(|own| own.newest().clone())),
        };
        let value = from_json::<T>(&other)?;
        Ok(Some(match own {
            Some(own) => own.add(value),
            None => {
                let version = Version::own(value);
                self.keep(&version);
                version
            }
        }))
    }

    /// Returns the newest data for a handle that holds an earlier version.
    pub(super) fn newest_of<T: SessionData>(
        &mut self,
        earlier: &Arc<Version<T>>,
    ) -> Arc<Version<T>> {
        match self.newest() {
            Ok(Some(newest)) => newest,
            // The session ended through another handle.
            Ok(None) => {
                let data = earlier.add(T::default());
                self.keep(&data);
                data
            }
            Err(error) => {
                telemetry::warn("a session was written as two incompatible types", &error);
                earlier.newest().clone()
            }
        }
    }

    pub(super) fn keep<T: SessionData>(&mut self, version: &Arc<Version<T>>) {
        self.versions.push(version.clone());
    }

    /// Checks that changes are still saved.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyAnswered`].
    pub(super) fn check_open(&self) -> Result<(), Error> {
        match self.closed {
            false => Ok(()),
            true => Err(Error::new(
                ErrorKind::AlreadyAnswered,
                "the request was answered already, or its client disconnected, so this session \
                 change would not be saved: use Sessions::modify with this session's id(), or \
                 change the session before the answer",
            )),
        }
    }

    /// Whether the changes so far give the session a new id.
    pub(super) fn moves(&self) -> bool {
        match self.found.live() {
            Some(_) => self.rotate || self.login.is_some(),
            None => self.written.is_some() || self.login.is_some(),
        }
    }

    /// Appends a version.
    pub(super) fn write<T: SessionData>(&mut self, newest: &Arc<Version<T>>, data: T) {
        let written = newest.add(data);
        if !is_any::<T>() {
            self.written = Some((TypeId::of::<T>(), written));
        }
    }

    /// Marks the data to be saved even if it has not changed.
    pub(super) fn write_as_is<T: SessionData>(&mut self, data: &Arc<Version<T>>) {
        if self.written.is_none() {
            self.written = Some((TypeId::of::<T>(), self.newest_of(data)));
        }
    }

    pub(super) fn change(&mut self, change: Change) {
        if let Changes::Repeatable(changes) = &mut self.changes {
            changes.push(change);
        }
    }

    /// Drops the data and pending changes: the session ended, or belongs to another user.
    pub(super) fn start_over<T: SessionData>(&mut self, found: Found, data: &Arc<Version<T>>) {
        *self = Self {
            found,
            previous: self.previous.take(),
            device: self.device.take(),
            closed: self.closed,
            ..Self::default()
        };
        self.keep(&data.add(T::default()));
    }

    /// Records authentication methods, if `is` accepts the user.
    pub(super) fn step_up(
        &mut self,
        methods: &Methods,
        is: impl FnOnce(&str) -> bool,
    ) -> Result<(), Error> {
        self.check_open()?;
        self.user().filter(|user| is(user)).ok_or_else(no_user)?;
        self.methods = Some(methods.after(self.methods.as_ref()));
        self.rotate = true;
        Ok(())
    }

    pub(super) fn user(&self) -> Option<&str> {
        match &self.login {
            Some(login) => login.user(),
            None => self.found.live()?.key(),
        }
    }
}

pub(super) fn no_user() -> Error {
    Error::new(
        ErrorKind::MissingCredentials,
        "no user is logged in with this session: log in first",
    )
}

/// Without data and ids, to keep them out of logs.
impl fmt::Debug for RequestSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSession").finish_non_exhaustive()
    }
}
