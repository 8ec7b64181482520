//! The session as a handler sees it.

use super::data::{SessionData, Version, merging, repeatable};
use super::visit::{Changes, Found, Given, Visit};
use crate::authenticator::gate::Attached;
use crate::core::error::{Error, ErrorKind};
use crate::core::telemetry;
use crate::session::{Loaded, Methods, NewSession, SessionId, SessionInfo, is_any};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// The session of the client that sent the request: an extractor for axum and actix-web.
///
/// It reads as a `T`. What is changed is saved once, when the handler has answered and before the
/// answer goes out; if that fails, an error goes out in its place. A request that changes nothing
/// stores nothing, and sets no cookie. Everybody who handles a request, middleware included, shares
/// one session.
///
/// **Of two requests that change one session, none undoes the other's work.** The second to be saved
/// is told that the session changed meanwhile, and then
/// - what it did by [`modify`](Self::modify) alone is done again, on what the first one saved;
/// - or what [`on_conflict`](Self::on_conflict) says is done;
/// - or it is answered `409 Conflict`, and nothing of it is saved.
///
/// An answer with a status of 500 or above saves nothing. A change made after the head of the answer,
/// such as in the stream of its body, behind a WebSocket handshake or in a task of its own, comes too
/// late: it is refused with [`ErrorKind::AlreadyAnswered`]. Use
/// [`Sessions::modify`](crate::Sessions::modify) with this session's [`id`](Self::id) there.
///
/// A session has one data, so all handlers name the same `T`, also where they do not look at it:
/// data of another type is answered with 500, and the log names the field that does not fit, unless
/// [`on_schema_change`](crate::SessionsBuilder::on_schema_change) says otherwise. `Session<()>` fits
/// any data, reads none of it and never replaces it: for handlers that log in or out and list devices.
///
/// A client without a session reads `T::default()`, and [`is_new`](Self::is_new) says so. In axum
/// `Option<Session<T>>` is `None` then; actix-web's own `Option` knows failures only. Data of another
/// type is answered with 500 also through an `Option`.
///
/// # Example
/// ```
/// use jamguard::{Error, Session};
///
/// #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
/// struct Cart { items: Vec<String> }
///
/// async fn look(cart: Session<Cart>) -> String {
///     cart.items.join(", ")
/// }
///
/// async fn put(cart: Session<Cart>, item: String) -> Result<String, Error> {
///     cart.modify(move |cart| cart.items.push(item.clone()))?;
///     Ok(cart.items.join(", "))
/// }
///
/// async fn login(cart: Session<Cart>) -> Result<&'static str, Error> {
///     cart.login("ann@example.com")?;                         // once the password was right
///     Ok("Hello!")
/// }
///
/// async fn logout(cart: Session<Cart>) -> Result<&'static str, Error> {
///     cart.logout().await?;
///     Ok("Goodbye!")
/// }
/// ```
pub struct Session<T: SessionData> {
    pub(super) visit: Arc<Visit>,
    /// The data when it was extracted; the newest hangs on it.
    data: Arc<Version<T>>,
}

impl Attached {
    /// The client's session, or a fresh one where it has none; `device` is what the client says of
    /// itself.
    pub(crate) async fn open<T: SessionData>(
        &self,
        device: Option<Box<str>>,
    ) -> Result<Session<T>, Error> {
        let Some(visit) = self.visit.clone() else {
            telemetry::fault("there is a Session<T>, but no sessions: call .sessions(…)");
            return Err(Error::new(
                ErrorKind::Internal,
                "the authenticator knows no sessions: call .sessions(…) on its builder",
            ));
        };
        visit.check_origin()?;
        let found = visit.opened().await?;
        let data = visit
            .state()
            .open(device, found, &visit.settings.sessions)?;
        Ok(Session { visit, data })
    }
}

impl<T: SessionData> Session<T> {
    /// Changes the data; where another request changed it meanwhile, the closure runs again on what
    /// that saved.
    ///
    /// Each call copies the data, and what was read before stays readable: change much in one call, not
    /// in a loop of them.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyAnswered`] where the answer is on its way: nothing was changed.
    pub fn modify<R>(
        &self,
        change: impl Fn(&mut T) -> R + Send + Sync + 'static,
    ) -> Result<R, Error> {
        let change = Arc::new(change);
        loop {
            self.visit.state().check_open()?;
            let newest = self.newest();
            let mut value = newest.get().clone();
            // The closure is the application's: it runs without the lock.
            let answer = change(&mut value);
            let mut state = self.visit.state();
            state.check_open()?;
            if newest.is_newest() {
                state.change(repeatable(change));
                state.write(&newest, value);
                return Ok(answer);
            }
        }
    }

    /// The data, to be changed by hand. Where another request changed it meanwhile, this one is
    /// answered 409, unless [`on_conflict`](Self::on_conflict) was called.
    ///
    /// ```
    /// # use jamguard::{Error, Session};
    /// # #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
    /// # struct Cart { items: Vec<String> }
    /// async fn empty(mut cart: Session<Cart>) -> Result<(), Error> {
    ///     cart.get_mut()?.items.clear();
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyAnswered`] where the answer is on its way. If that goes out before the end
    /// of the scope, a warning in the log says that the change is lost.
    pub fn get_mut(&mut self) -> Result<SessionMut<'_, T>, Error> {
        self.visit.state().check_open()?;
        Ok(SessionMut {
            value: self.newest().get().clone(),
            changed: false,
            session: self,
        })
    }

    /// Puts other data in the place of what is there; otherwise as [`get_mut`](Self::get_mut).
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyAnswered`] where the answer is on its way: nothing was changed.
    pub fn set(&self, data: T) -> Result<(), Error> {
        let newest = self.newest();
        let mut state = self.visit.state();
        state.check_open()?;
        if !is_any::<T>() {
            state.changes = Changes::ByHand;
        }
        state.write(newest.newest(), data);
        Ok(())
    }

    /// What to do where another request changed the data meanwhile: gets what that saved, to be
    /// changed, and what this request would have saved.
    ///
    /// ```
    /// # use jamguard::{Error, Session};
    /// # #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
    /// # struct Page { visits: u64, theme: String }
    /// async fn choose(mut page: Session<Page>, theme: String) -> Result<(), Error> {
    ///     page.get_mut()?.theme = theme;
    ///     page.on_conflict(|theirs, ours| theirs.theme = ours.theme.clone());
    ///     Ok(())
    /// }
    /// ```
    pub fn on_conflict(&self, merge: impl Fn(&mut T, &T) + Send + Sync + 'static) {
        if !is_any::<T>() {
            self.visit.state().merge = Some(merging(merge));
        }
    }

    /// Logs this user in: the session gets another id, and the old one is dead. A guest's data
    /// stays; another user's does not, and that session ends.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyAnswered`] where the answer, which brings the cookie, is on its way.
    pub fn login(&self, user: impl Into<String>) -> Result<(), Error> {
        self.login_with(NewSession::of(user))
    }

    /// The same with claims of its own, which [`Identity`](crate::Identity) and
    /// [`Claims<T>`](crate::Claims) show; a device's label; or data in the place of the guest's.
    ///
    /// ```
    /// # use jamguard::{Error, NewSession, Session};
    /// # use serde_json::json;
    /// # #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
    /// # struct Cart { items: Vec<String> }
    /// async fn login(cart: Session<Cart>) -> Result<(), Error> {
    ///     let claims = json!({"sub": "ann@example.com", "role": "admin"});
    ///     cart.login_with(NewSession::of("ann@example.com").claims(&claims))
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`login`](Self::login).
    pub fn login_with(&self, new: NewSession) -> Result<(), Error> {
        let mut state = self.visit.state();
        state.check_open()?;
        let theirs = state.found.live().filter(|found| {
            let user = found.key();
            user.is_some() && user != new.user()
        });
        if let Some(theirs) = theirs.cloned() {
            state.start_over(Found::Nothing, &self.data);
            state.previous = Some(theirs);
        }
        if state.found.live().is_none() {
            // A session begins, so its data does too.
            state.write_as_is(&self.data);
        }
        // What was proved before was another login's.
        state.methods = None;
        state.login = Some(new);
        Ok(())
    }

    /// Gives the session another id: for a change of what its user may do. The old id is dead.
    ///
    /// The claims stay. Others come with [`login_with`](Self::login_with) and the same user: that
    /// gives it another id too and keeps the data, but not the tokens of a JAM login, and both
    /// timeouts begin anew.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyAnswered`] where the answer, which brings the cookie, is on its way.
    pub fn rotate(&self) -> Result<(), Error> {
        let mut state = self.visit.state();
        state.check_open()?;
        state.rotate = true;
        Ok(())
    }

    /// Gives the session another id, and writes down by which further methods its user has proved who
    /// they are: names as of RFC 8176, which the claims show in `amr` behind those of the login. Data,
    /// tokens and both timeouts stay. The next login ends it.
    ///
    /// With `otp` and `mfa`, `policy::second_factor()` holds from the next request on.
    ///
    /// ```
    /// # use jamguard::{Error, Session};
    /// async fn finish(session: Session<()>) -> Result<(), Error> {
    ///     // … once the security key's answer was right:
    ///     session.step_up(&["hwk", "mfa"])
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`] where nobody is logged in; [`ErrorKind::Configuration`]
    /// where a name is none; [`ErrorKind::AlreadyAnswered`] as for [`login`](Self::login).
    pub fn step_up(&self, methods: &[&str]) -> Result<(), Error> {
        let methods = Methods::new(methods)?;
        self.visit.state().step_up(&methods, |_| true)
    }

    /// Ends the session at once; its cookie is removed. What this request wrote is forgotten, and
    /// what it writes from now on begins another session.
    ///
    /// Behind the head of the answer it ends the session all the same. The next request's answer
    /// removes the cookie then.
    ///
    /// # Errors
    /// Those of the store: the session may then not have ended.
    pub async fn logout(&self) -> Result<(), Error> {
        let found = self.visit.found_alone().await?;
        // Somebody may have logged in over another user's session: that is the client's still.
        let previous = self.visit.state().previous.clone();
        let found = match found.or(previous) {
            Some(loaded) => {
                self.visit.settings.sessions.finish(&loaded).await?;
                Found::Ended { removed: true }
            }
            None => self.visit.state().found.clone(),
        };
        self.visit.state().start_over(found, &self.data);
        Ok(())
    }

    /// Ends all sessions of this user, on this device and every other, and says how many they were.
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`] where nobody is logged in; those of the store: some may
    /// then have ended and others not.
    pub async fn logout_everywhere(&self) -> Result<u64, Error> {
        let (user, _) = self.whose().await?;
        let ended = self.visit.settings.sessions.clear(&user).await?;
        self.has_ended();
        Ok(ended)
    }

    /// The user's sessions, the last used first; [`handle`](Self::handle) tells which is this one.
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`] where nobody is logged in; those of the store.
    pub async fn devices(&self) -> Result<Vec<SessionInfo>, Error> {
        let (user, _) = self.whose().await?;
        self.visit.settings.sessions.list(&user).await
    }

    /// Ends one of the user's sessions, by its [handle](SessionInfo::handle); says whether there was
    /// such a one.
    ///
    /// # Errors
    /// As [`devices`](Self::devices).
    pub async fn end_device(&self, handle: &str) -> Result<bool, Error> {
        let (user, own) = self.whose().await?;
        let ended = self.visit.settings.sessions.end(&user, handle).await?;
        if ended && own.handle() == handle {
            self.has_ended();
        }
        Ok(ended)
    }

    /// Whose session it is; `None` for a guest. A login of this request counts.
    pub fn user(&self) -> Option<String> {
        self.visit.state().user().map(str::to_owned)
    }

    /// Whether the client has no session, and nothing was written that begins one.
    pub fn is_new(&self) -> bool {
        let state = self.visit.state();
        state.found.live().is_none() && state.written.is_none()
    }

    /// The session's name among the user's [`devices`](Self::devices); `None` before it is stored.
    pub fn handle(&self) -> Option<String> {
        self.visit.state().found.live().map(Loaded::handle)
    }

    /// The session's id, for [`Sessions::modify`](crate::Sessions::modify) behind the head of the
    /// answer. `None` before the session is stored, and between a [`login`](Self::login) or
    /// [`rotate`](Self::rotate) and the answer, which gives it another id.
    ///
    /// ```
    /// use jamguard::{Error, Session, Sessions};
    ///
    /// /// Called by the task that feeds a WebSocket or an event stream.
    /// async fn count(session: &Session<u64>, sessions: &Sessions) -> Result<(), Error> {
    ///     match session.id() {
    ///         Some(id) => sessions.modify(&id, |messages: &mut u64| *messages += 1).await,
    ///         None => Ok(()),
    ///     }
    /// }
    /// ```
    pub fn id(&self) -> Option<SessionId> {
        let state = self.visit.state();
        state.found.live().filter(|_| !state.moves())?;
        match &state.given {
            Given::Before => {
                let sent = self.visit.cookie.as_ref().ok()?.as_deref()?;
                SessionId::parse(std::str::from_utf8(sent).ok()?).ok()
            }
            Given::Soon => None,
            Given::Now(id) => Some(id.clone()),
        }
    }

    async fn whose(&self) -> Result<(String, Loaded), Error> {
        let found = self.visit.found_alone().await?;
        found
            .and_then(|loaded| Some((loaded.key()?.to_owned(), loaded)))
            .ok_or_else(nobody)
    }

    fn has_ended(&self) {
        let found = Found::Ended { removed: true };
        self.visit.state().start_over(found, &self.data);
    }

    /// The newest data, also where it was written as another type.
    fn newest(&self) -> Arc<Version<T>> {
        self.visit.state().newest_of(&self.data)
    }
}

pub(super) fn nobody() -> Error {
    Error::new(
        ErrorKind::MissingCredentials,
        "nobody is logged in with this session",
    )
}

/// The newest data of this request.
impl<T: SessionData> Deref for Session<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.data.newest().get()
    }
}

impl<T: SessionData> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("is_new", &self.is_new())
            .finish_non_exhaustive()
    }
}

/// A session's data while it is changed by hand, from [`Session::get_mut`]; what was written counts
/// from the end of its scope.
///
/// # Example
/// ```
/// # use jamguard::{Error, Session};
/// # #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
/// # struct Page { visits: u64 }
/// async fn look(mut page: Session<Page>) -> Result<String, Error> {
///     page.get_mut()?.visits += 1;
///     Ok(format!("your visit number {}", page.visits))
/// }
/// ```
pub struct SessionMut<'s, T: SessionData> {
    session: &'s Session<T>,
    value: T,
    changed: bool,
}

impl<T: SessionData> Deref for SessionMut<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: SessionData> DerefMut for SessionMut<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.changed = true;
        &mut self.value
    }
}

impl<T: SessionData> Drop for SessionMut<'_, T> {
    fn drop(&mut self) {
        if self.changed
            && let Err(error) = self.session.set(std::mem::take(&mut self.value))
        {
            telemetry::warn("a change of a session is lost", &error);
        }
    }
}

impl<T: SessionData> fmt::Debug for SessionMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionMut").finish_non_exhaustive()
    }
}
