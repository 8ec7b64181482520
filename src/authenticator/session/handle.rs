//! The session as a handler sees it.

use super::data::{SessionData, Version, merging, repeatable};
use super::visit::{Changes, Found, Visit};
use crate::authenticator::gate::Attached;
use crate::core::error::{Error, ErrorKind};
use crate::core::telemetry;
use crate::session::{Loaded, Methods, NewSession, SessionInfo, is_any};
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
/// An answer with a status of 500 or above saves nothing. A change made after the answer, such as
/// in the stream of its body, comes too late.
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
/// async fn put(cart: Session<Cart>, item: String) -> String {
///     cart.modify(move |cart| cart.items.push(item.clone()));
///     cart.items.join(", ")
/// }
///
/// async fn login(cart: Session<Cart>) -> &'static str {
///     cart.login("ann@example.com");                          // once the password was right
///     "Hello!"
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
    pub fn modify<R>(&self, change: impl Fn(&mut T) -> R + Send + Sync + 'static) -> R {
        let change = Arc::new(change);
        loop {
            let newest = self.newest();
            let mut value = newest.get().clone();
            // The closure is the application's: it runs without the lock.
            let answer = change(&mut value);
            let mut state = self.visit.state();
            if newest.is_newest() {
                state.change(repeatable(change));
                state.write(&newest, value);
                return answer;
            }
        }
    }

    /// The data, to be changed by hand. Where another request changed it meanwhile, this one is
    /// answered 409, unless [`on_conflict`](Self::on_conflict) was called.
    ///
    /// ```
    /// # use jamguard::Session;
    /// # #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
    /// # struct Cart { items: Vec<String> }
    /// async fn empty(mut cart: Session<Cart>) {
    ///     cart.get_mut().items.clear();
    /// }
    /// ```
    pub fn get_mut(&mut self) -> SessionMut<'_, T> {
        SessionMut {
            value: self.newest().get().clone(),
            changed: false,
            session: self,
        }
    }

    /// Puts other data in the place of what is there; otherwise as [`get_mut`](Self::get_mut).
    pub fn set(&self, data: T) {
        let newest = self.newest();
        let mut state = self.visit.state();
        if !is_any::<T>() {
            state.changes = Changes::ByHand;
        }
        state.write(newest.newest(), data);
    }

    /// What to do where another request changed the data meanwhile: gets what that saved, to be
    /// changed, and what this request would have saved.
    ///
    /// ```
    /// # use jamguard::Session;
    /// # #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
    /// # struct Page { visits: u64, theme: String }
    /// async fn choose(mut page: Session<Page>, theme: String) {
    ///     page.get_mut().theme = theme;
    ///     page.on_conflict(|theirs, ours| theirs.theme = ours.theme.clone());
    /// }
    /// ```
    pub fn on_conflict(&self, merge: impl Fn(&mut T, &T) + Send + Sync + 'static) {
        if !is_any::<T>() {
            self.visit.state().merge = Some(merging(merge));
        }
    }

    /// Logs this user in: the session gets another id, and the old one is dead. A guest's data
    /// stays; another user's does not, and that session ends.
    pub fn login(&self, user: impl Into<String>) {
        self.login_with(NewSession::of(user));
    }

    /// The same with claims of its own, which [`Identity`](crate::Identity) and
    /// [`Claims<T>`](crate::Claims) show; a device's label; or data in the place of the guest's.
    ///
    /// ```
    /// # use jamguard::{NewSession, Session};
    /// # use serde_json::json;
    /// # #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
    /// # struct Cart { items: Vec<String> }
    /// async fn login(cart: Session<Cart>) {
    ///     let claims = json!({"sub": "ann@example.com", "role": "admin"});
    ///     cart.login_with(NewSession::of("ann@example.com").claims(&claims));
    /// }
    /// ```
    pub fn login_with(&self, new: NewSession) {
        let mut state = self.visit.state();
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
    }

    /// Gives the session another id: for a change of what its user may do. The old id is dead.
    ///
    /// The claims stay. Others come with [`login_with`](Self::login_with) and the same user: that
    /// gives it another id too and keeps the data, but not the tokens of a JAM login, and both
    /// timeouts begin anew.
    pub fn rotate(&self) {
        self.visit.state().rotate = true;
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
    /// where a name is none.
    pub fn step_up(&self, methods: &[&str]) -> Result<(), Error> {
        let methods = Methods::new(methods)?;
        self.visit.state().step_up(&methods, |_| true)
    }

    /// Ends the session at once; its cookie is removed. What this request wrote is forgotten, and
    /// what it writes from now on begins another session.
    ///
    /// # Errors
    /// Those of the store: the session may then not have ended.
    pub async fn logout(&self) -> Result<(), Error> {
        let found = self.visit.found().await?;
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

    async fn whose(&self) -> Result<(String, Loaded), Error> {
        let found = self.visit.found().await?;
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
/// # use jamguard::Session;
/// # #[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
/// # struct Page { visits: u64 }
/// async fn look(mut page: Session<Page>) -> String {
///     page.get_mut().visits += 1;
///     format!("your visit number {}", page.visits)
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
        if self.changed {
            self.session.set(std::mem::take(&mut self.value));
        }
    }
}

impl<T: SessionData> fmt::Debug for SessionMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionMut").finish_non_exhaustive()
    }
}
