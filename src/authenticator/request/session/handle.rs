//! The [`Session`] extractor: a request's session as its handlers see it.

use super::data::{SessionData, Version, merging, repeatable};
use super::request_session::{Changes, Found, Given, RequestSession, no_user};
use crate::authenticator::request::attached::Attached;
use crate::core::{Error, ErrorKind, telemetry};
use crate::session::{Loaded, Methods, NewSession, SessionId, SessionInfo, is_any};
use std::ops::{Deref, DerefMut};
use std::{fmt, sync::Arc};

/// An extractor for the client's session, in axum and actix-web.
///
/// It derefs to the data, a `T`. Changes are saved once, after the handler answers and before the
/// response is sent; if saving fails, the client gets the error. A request without changes saves no
/// data and sets no cookie. All handlers and middleware of a request share one session.
///
/// **Concurrent requests never overwrite each other's changes.** If another request saved first,
/// - the closure of [`on_conflict`](Self::on_conflict), if set, merges the changes;
/// - or changes made only with [`modify`](Self::modify) run again on the saved data;
/// - or the request is answered `409 Conflict` and saves nothing.
///
/// A response with status 500 or above saves nothing. A change after the response head (in a body
/// stream, after a WebSocket handshake, in a spawned task) is too late and fails with
/// [`ErrorKind::AlreadyAnswered`]: use [`Sessions::modify`](crate::Sessions::modify) with this
/// session's [`id`](Self::id) there.
///
/// All handlers must use the same `T`. Data of another type is answered with 500 and the log names
/// the field; [`on_type_mismatch`](crate::SessionsBuilder::on_type_mismatch) changes that.
/// `Session<()>` fits any data and neither reads nor replaces it: for handlers that log in or out
/// or list devices.
///
/// A client without a session reads `T::default()` and [`is_new`](Self::is_new) returns `true`. In
/// axum, `Option<Session<T>>` is `None` then; in actix-web `Option` is `None` only on an error.
/// Data of another type is answered with 500 even inside an `Option`.
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
///     cart.login("ann@example.com").await?;                   // once the password was right
///     Ok("Hello!")
/// }
///
/// async fn logout(cart: Session<Cart>) -> Result<&'static str, Error> {
///     cart.end().await?;
///     Ok("Goodbye!")
/// }
/// ```
pub struct Session<T: SessionData> {
    pub(super) request: Arc<RequestSession>,
    /// The data at extraction; later versions are linked to it.
    data: Arc<Version<T>>,
}

impl Attached {
    /// Opens the client's session, or a new one. `device` is the client's `User-Agent`.
    pub(crate) async fn open<T: SessionData>(
        &self,
        device: Option<Box<str>>,
    ) -> Result<Session<T>, Error> {
        let Some(request) = self.session.clone() else {
            telemetry::fault("Session<T> is used without sessions: call .sessions(…)");
            return Err(Error::new(
                ErrorKind::Internal,
                "the authenticator has no sessions: call .sessions(…) on its builder",
            ));
        };
        request.check_origin()?;
        let found = request.opened().await?;
        let data = request.state().open(device, found, &request.settings.sessions)?;
        Ok(Session { request, data })
    }
}

impl<T: SessionData> Session<T> {
    /// Changes the data. After a conflict the closure runs again on the other request's data.
    ///
    /// Each call copies the data, and earlier borrows stay valid: make many changes in one call,
    /// not in a loop.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyAnswered`] after the response head; nothing is changed.
    pub fn modify<R>(
        &self,
        change: impl Fn(&mut T) -> R + Send + Sync + 'static,
    ) -> Result<R, Error> {
        let change = Arc::new(change);
        loop {
            self.request.state().check_open()?;
            let newest = self.newest();
            let mut value = newest.get().clone();
            // The application's closure must not run under the lock.
            let answer = change(&mut value);
            let mut state = self.request.state();
            state.check_open()?;
            if newest.is_newest() {
                state.change(repeatable(change));
                state.write(&newest, value);
                return Ok(answer);
            }
        }
    }

    /// Returns a guard to change the data in place.
    ///
    /// If another request changed the data meanwhile, this one is answered 409, unless
    /// [`on_conflict`](Self::on_conflict) was called.
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
    /// [`ErrorKind::AlreadyAnswered`] after the response head. If the response is sent before the
    /// guard is dropped, the change is lost and a warning is logged.
    pub fn get_mut(&mut self) -> Result<SessionMut<'_, T>, Error> {
        self.request.state().check_open()?;
        Ok(SessionMut { value: self.newest().get().clone(), changed: false, session: self })
    }

    /// Replaces the data; conflicts are handled as for [`get_mut`](Self::get_mut).
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyAnswered`] after the response head; nothing is changed.
    pub fn set(&self, data: T) -> Result<(), Error> {
        let newest = self.newest();
        let mut state = self.request.state();
        state.check_open()?;
        if !is_any::<T>() {
            state.changes = Changes::ByHand;
        }
        state.write(newest.newest(), data);
        Ok(())
    }

    /// Sets how to merge if another request changed the data meanwhile.
    ///
    /// The closure gets that request's data, to change, and the data this request would have saved.
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
            self.request.state().merge = Some(merging(merge));
        }
    }

    /// Logs a user in. The session gets a new id, and the old id becomes invalid.
    ///
    /// A guest's data stays. The session of another user ends, and its data is not taken over.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyAnswered`] after the response head, which carries the cookie.
    pub async fn login(&self, user: impl Into<String>) -> Result<(), Error> {
        self.login_with(NewSession::of(user)).await
    }

    /// Logs a user in with claims, a device label, or data that replaces the guest's.
    ///
    /// [`Identity`](crate::Identity) and [`Claims<T>`](crate::Claims) show the claims.
    ///
    /// ```
    /// # use jamguard::{Error, NewSession, Session};
    /// # use serde_json::json;
    /// # #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
    /// # struct Cart { items: Vec<String> }
    /// async fn login(cart: Session<Cart>) -> Result<(), Error> {
    ///     let claims = json!({"sub": "ann@example.com", "role": "admin"});
    ///     cart.login_with(NewSession::of("ann@example.com").claims(&claims)).await
    /// }
    /// ```
    ///
    /// # Errors
    /// The errors of [`login`](Self::login).
    pub async fn login_with(&self, new: NewSession) -> Result<(), Error> {
        let mut state = self.request.state();
        state.check_open()?;
        let theirs = state.found.live().filter(|found| !new.continues(found));
        if let Some(theirs) = theirs.cloned() {
            state.start_over(Found::Nothing, &self.data);
            state.previous = Some(theirs);
        }
        if state.found.live().is_none() {
            // A new session needs its data written.
            state.write_as_is(&self.data);
        }
        // Methods proved before belong to the previous login.
        state.methods = None;
        state.login = Some(new);
        Ok(())
    }

    /// Gives the session a new id, after a change of the user's rights. The old id becomes invalid.
    ///
    /// The claims stay. To change them, use [`login_with`](Self::login_with) with the same user: it
    /// also changes the id and keeps the data, but drops the tokens of a JAM login and restarts
    /// both timeouts.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyAnswered`] after the response head, which carries the cookie.
    #[doc(alias = "cycle_id")]
    #[doc(alias = "renew")]
    pub async fn rotate_id(&self) -> Result<(), Error> {
        let mut state = self.request.state();
        state.check_open()?;
        state.rotate = true;
        Ok(())
    }

    /// Records further authentication methods and gives the session a new id.
    ///
    /// The methods are names of RFC 8176; the claims list them in `amr` after the login's own.
    /// Data, tokens and both timeouts stay. The next login drops the methods.
    ///
    /// With `otp` and `mfa`, `policy::second_factor()` allows from the next request on.
    ///
    /// ```
    /// # use jamguard::{Error, Session};
    /// async fn finish(session: Session<()>) -> Result<(), Error> {
    ///     // … once the security key's answer was right:
    ///     session.step_up(&["hwk", "mfa"]).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`] without a logged-in user; [`ErrorKind::Configuration`] for
    /// an invalid method name; [`ErrorKind::AlreadyAnswered`] as for [`login`](Self::login).
    pub async fn step_up(&self, methods: &[&str]) -> Result<(), Error> {
        let methods = Methods::new(methods)?;
        self.request.state().step_up(&methods, |_| true)
    }

    /// Ends the session at once and removes its cookie.
    ///
    /// Unsaved changes of this request are dropped; later ones begin a new session. After the
    /// response head the session still ends, and the next response removes the cookie.
    ///
    /// # Errors
    /// Errors of the store: the session may not have ended.
    #[doc(alias = "logout")]
    pub async fn end(&self) -> Result<(), Error> {
        let found = self.request.found_alone().await?;
        // After a login over another user's session, that one is still the client's.
        let previous = self.request.state().previous.clone();
        let found = match found.or(previous) {
            Some(loaded) => {
                self.request.settings.sessions.finish(&loaded).await?;
                Found::Ended { removed: true }
            }
            None => self.request.state().found.clone(),
        };
        self.request.state().start_over(found, &self.data);
        Ok(())
    }

    /// Ends all sessions of the user, on every device; returns how many.
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`] without a logged-in user; errors of the store: some
    /// sessions may not have ended.
    #[doc(alias = "logout_everywhere")]
    pub async fn end_all(&self) -> Result<u64, Error> {
        let (user, _) = self.whose().await?;
        let ended = self.request.settings.sessions.end_all(&user).await?;
        self.has_ended();
        Ok(ended)
    }

    /// Lists the user's sessions, last used first; [`handle`](Self::handle) identifies this one.
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`] without a logged-in user; errors of the store.
    pub async fn devices(&self) -> Result<Vec<SessionInfo>, Error> {
        let (user, _) = self.whose().await?;
        self.request.settings.sessions.devices(&user).await
    }

    /// Ends one of the user's sessions by its [handle](SessionInfo::handle).
    ///
    /// Returns whether it existed.
    ///
    /// # Errors
    /// The errors of [`devices`](Self::devices).
    pub async fn end_device(&self, handle: &str) -> Result<bool, Error> {
        let (user, own) = self.whose().await?;
        let ended = self.request.settings.sessions.end_device(&user, handle).await?;
        if ended && own.handle() == handle {
            self.has_ended();
        }
        Ok(ended)
    }

    /// Returns the user, also one who logged in during this request; `None` for a guest.
    pub fn user(&self) -> Option<String> {
        self.request.state().user().map(str::to_owned)
    }

    /// Returns whether the client has no session and this request has not begun one.
    pub fn is_new(&self) -> bool {
        let state = self.request.state();
        state.found.live().is_none() && state.written.is_none()
    }

    /// Returns the session's handle in [`devices`](Self::devices); `None` before it is stored.
    pub fn handle(&self) -> Option<String> {
        self.request.state().found.live().map(Loaded::handle)
    }

    /// Returns the id, for [`Sessions::modify`](crate::Sessions::modify) after the response head.
    ///
    /// `None` before the session is stored, and after a [`login`](Self::login) or
    /// [`rotate_id`](Self::rotate_id) until the response, which changes the id.
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
        let state = self.request.state();
        state.found.live().filter(|_| !state.moves())?;
        match &state.given {
            Given::Before => {
                let sent = self.request.cookie.as_ref().ok()?.as_deref()?;
                SessionId::parse(std::str::from_utf8(sent).ok()?).ok()
            }
            Given::Soon => None,
            Given::Now(id) => Some(id.clone()),
        }
    }

    async fn whose(&self) -> Result<(String, Loaded), Error> {
        let found = self.request.found_alone().await?;
        found.and_then(|loaded| Some((loaded.key()?.to_owned(), loaded))).ok_or_else(no_user)
    }

    fn has_ended(&self) {
        let found = Found::Ended { removed: true };
        self.request.state().start_over(found, &self.data);
    }

    /// Returns the newest version, even if it was written as another type.
    fn newest(&self) -> Arc<Version<T>> {
        self.request.state().newest_of(&self.data)
    }
}

/// Derefs to the newest data of this request.
impl<T: SessionData> Deref for Session<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.data.newest().get()
    }
}

impl<T: SessionData> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("is_new", &self.is_new()).finish_non_exhaustive()
    }
}

/// A guard to change session data in place, from [`Session::get_mut`]. Applied when dropped.
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
            telemetry::warn("a session change after the response is lost", &error);
        }
    }
}

impl<T: SessionData> fmt::Debug for SessionMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionMut").finish_non_exhaustive()
    }
}
