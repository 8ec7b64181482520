//! A request's session: found at most once, shared by everybody who handles the request.

use super::data::{Change, Merge, SessionData, Version, Written};
use super::form_token;
use super::handle::nobody;
use super::settings::SessionSettings;
use crate::authenticator::credentials::{self, Head};
use crate::authenticator::gate::Authenticator;
use crate::core::error::{Error, ErrorKind};
use crate::core::telemetry;
use crate::session::{Load, Loaded, Methods, NewSession, SessionId, Sessions, from_json, is_any};
use std::any::{Any, TypeId};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// Longer than any id; of a longer cookie it need not be known how it goes on.
const ENOUGH: usize = 64;

pub(crate) struct Visit {
    pub(super) auth: Authenticator,
    pub(super) settings: Arc<SessionSettings>,
    /// What the session's cookie holds. An error where two of them differ.
    pub(super) cookie: Result<Option<Zeroizing<Vec<u8>>>, Error>,
    /// Why nothing may be done in the session's name: another site's page sent the request.
    foreign: Option<Error>,
    state: Mutex<State>,
}

/// What the request's session is, and what was done with it so far.
#[derive(Default)]
pub(super) struct State {
    pub(super) found: Found,
    /// A version of the data for each type in which a handler asked for it.
    versions: Vec<Arc<dyn Any + Send + Sync>>,
    /// The newest of all, if a handler wrote it.
    pub(super) written: Option<(TypeId, Arc<dyn Written>)>,
    pub(super) changes: Changes,
    pub(super) merge: Option<Merge>,
    pub(super) login: Option<NewSession>,
    pub(super) rotate: bool,
    /// By which methods the user proved who they are, in this request.
    pub(super) methods: Option<Methods>,
    /// Another user's session, over which somebody logged in.
    pub(super) previous: Option<Loaded>,
    /// What the browser says of itself.
    pub(super) device: Option<Box<str>>,
    /// Whether the answer is on its way, or will never be: nothing is saved from then on.
    pub(super) closed: bool,
    pub(super) given: Given,
}

/// The id that the client has of its session.
#[derive(Default)]
pub(super) enum Given {
    /// The one that it sent.
    #[default]
    Before,
    /// Another, with the answer that is being made.
    Soon,
    Now(SessionId),
}

/// A request's session until it is saved. One that is dropped unsaved takes no changes any more:
/// its client is gone, or it was refused.
pub(in crate::authenticator) struct Open(Arc<Visit>);

impl Open {
    pub(super) fn new(visit: Arc<Visit>) -> Self {
        Self(visit)
    }

    /// The session, for handlers.
    pub(in crate::authenticator) fn visit(&self) -> Arc<Visit> {
        self.0.clone()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.state().closed = true;
    }
}

/// How the data came to what it is.
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
    /// Nobody asked yet.
    #[default]
    Unknown,
    /// The client has none.
    Nothing,
    /// The client's has ended; `removed` where its cookie is to be removed.
    Ended {
        removed: bool,
    },
    Live(Loaded),
}

impl Visit {
    pub(super) fn of(
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

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether handlers may use the session: also one that a login of another site's making would
    /// begin.
    ///
    /// # Errors
    /// [`ErrorKind::CrossSite`].
    pub(crate) fn check_origin(&self) -> Result<(), Error> {
        self.foreign.clone().map_or(Ok(()), Err)
    }

    /// Begins to find the session; `None` where the client has none.
    ///
    /// # Errors
    /// [`ErrorKind::CrossSite`] where another site's page sent the session along.
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

    /// Keeps what the cookie came to.
    pub(super) fn settle(&self, found: Result<Loaded, Error>) -> Result<Loaded, Error> {
        let (found, answer) = match found {
            Ok(loaded) => (Found::Live(loaded.clone()), Ok(loaded)),
            Err(error) => match error.kind() {
                ErrorKind::Malformed | ErrorKind::Revoked | ErrorKind::Expired => {
                    (Found::Ended { removed: true }, Err(error))
                }
                // A login that was answered while this request was on its way: the client has the
                // new id by now, and to remove the cookie would take that away.
                ErrorKind::Conflict => (
                    Found::Ended { removed: false },
                    Err(Error::new(
                        ErrorKind::Revoked,
                        "the session has another id now",
                    )),
                ),
                _ => (Found::Unknown, Err(error)),
            },
        };
        self.state().found = found;
        answer
    }

    /// The session with an ID token, if it has one, that is still good.
    pub(super) fn kept_fresh(&self, load: Load) -> Load {
        #[cfg(feature = "client")]
        let load = self.auth.kept_fresh(load, &self.settings);
        load
    }

    /// The session for a handler, found when it is first asked for; `None` where there is none, or
    /// no more.
    pub(super) async fn opened(&self) -> Result<Option<Loaded>, Error> {
        self.find(|load| self.kept_fresh(load)).await
    }

    /// The same for a login, which does not ask how old its tokens are.
    pub(super) async fn found(&self) -> Result<Option<Loaded>, Error> {
        self.find(|load| load).await
    }

    /// The same for what is done to a session that is there.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] where two cookies name two sessions: the wrong one might be meant.
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
            // Browsers send two cookies unasked: the client counts as one without a session.
            Err(error) if error.kind() == ErrorKind::InvalidRequest => {
                telemetry::refused(&error);
                self.state().found = Found::Nothing;
                return Ok(None);
            }
            load => load?,
        };
        let found = match load.map(prepare) {
            None => return Ok(None),
            Some(Load::Now(found)) => found,
            Some(Load::Later(found)) => found.await,
        };
        match self.settle(found) {
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

    /// `Set-Cookie` that removes the cookie of a session that ended.
    pub(super) fn removal(&self) -> Option<String> {
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
    /// The data for a handler that asks for the session.
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
            // Of another type it counts as none, if it was so decided.
            Some(loaded) if sessions.data_of::<T>(&loaded)?.is_some() => Version::kept(loaded)?,
            _ => Version::own(T::default()),
        };
        self.keep(&data);
        Ok(data)
    }

    /// The newest data as this type; `None` where nobody asked for it yet.
    ///
    /// # Errors
    /// Where another type wrote what is no `T`.
    fn newest<T: SessionData>(&mut self) -> Result<Option<Arc<Version<T>>>, Error> {
        let own = self
            .versions
            .iter()
            .find_map(|version| version.clone().downcast::<Version<T>>().ok());
        let other = match &self.written {
            // `()` writes nothing but the beginning of a session.
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

    /// The newest data for somebody who holds an earlier version.
    pub(super) fn newest_of<T: SessionData>(
        &mut self,
        earlier: &Arc<Version<T>>,
    ) -> Arc<Version<T>> {
        match self.newest() {
            Ok(Some(newest)) => newest,
            // The session ended, and not through this handle.
            Ok(None) => {
                let data = earlier.add(T::default());
                self.keep(&data);
                data
            }
            Err(error) => {
                telemetry::warn("a session was written as two types that do not fit", &error);
                earlier.newest().clone()
            }
        }
    }

    pub(super) fn keep<T: SessionData>(&mut self, version: &Arc<Version<T>>) {
        self.versions.push(version.clone());
    }

    /// Whether a change is still saved.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyAnswered`].
    pub(super) fn check_open(&self) -> Result<(), Error> {
        match self.closed {
            false => Ok(()),
            true => Err(Error::new(
                ErrorKind::AlreadyAnswered,
                "the request was answered already, or its client is gone, so this change of its \
                 session would not be saved: use Sessions::modify with this session's id(), or \
                 change the session before the answer",
            )),
        }
    }

    /// Whether the client gets another id for what was done so far.
    pub(super) fn moves(&self) -> bool {
        match self.found.live() {
            Some(_) => self.rotate || self.login.is_some(),
            None => self.written.is_some() || self.login.is_some(),
        }
    }

    /// Puts data behind the newest.
    pub(super) fn write<T: SessionData>(&mut self, newest: &Arc<Version<T>>, data: T) {
        let written = newest.add(data);
        if !is_any::<T>() {
            self.written = Some((TypeId::of::<T>(), written));
        }
    }

    /// Has the data saved, whether it changed or not.
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

    /// Forgets the data and what was to become of it: the session ended, or is another's.
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

    /// Writes down by which methods the user has proved who they are, if it is this one.
    pub(super) fn step_up(
        &mut self,
        methods: &Methods,
        is: impl FnOnce(&str) -> bool,
    ) -> Result<(), Error> {
        self.check_open()?;
        self.user().filter(|user| is(user)).ok_or_else(nobody)?;
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

/// Data and ids stay out of logs.
impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit").finish_non_exhaustive()
    }
}
