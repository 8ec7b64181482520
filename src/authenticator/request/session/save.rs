//! Saving the session: one write between the handler's response and sending it.

use super::data::{Merge, Written};
use super::request_session::{Changes, Found, Given, RequestSession, State};
use crate::core::now_or_later::NowOrLater::{self, Now};
use crate::core::{Attempts, Error, ErrorKind, telemetry};
use crate::session::{Loaded, Methods, NewSession, Rotation, SessionId, Sessions, conflict};
use std::sync::Arc;

/// The `Set-Cookie` value for the response, and whether the session was saved.
pub(in crate::authenticator::request) type Saved = (Option<String>, Result<(), Error>);

/// The changes of a request that must be written.
struct Pending {
    /// `None` if a session begins.
    found: Option<Loaded>,
    /// Whether the session got a new id meanwhile, which this client may have.
    moved: bool,
    written: Option<Arc<dyn Written>>,
    changes: Changes,
    merge: Option<Merge>,
    login: Option<NewSession>,
    rotate: bool,
    methods: Option<Methods>,
    previous: Option<Loaded>,
}

impl RequestSession {
    /// Saves the handlers' changes. Called once, with the status of their response.
    pub(in crate::authenticator::request) fn save(
        self: &Arc<Self>,
        status: u16,
    ) -> NowOrLater<Saved> {
        let pending = Pending::of(&mut self.state(), status);
        match (pending, self.due()) {
            (Some(pending), _) => {
                let session = self.clone();
                NowOrLater::later(async move { session.save_changes(pending).await })
            }
            (None, Some(used)) => {
                let session = self.clone();
                NowOrLater::later(async move {
                    // Not worth failing the request.
                    if let Err(error) = session.settings.sessions.touch_if_due(&used).await {
                        telemetry::warn("a session's last use could not be saved", &error);
                    }
                    (None, Ok(()))
                })
            }
            (None, None) => Now((self.removal(), Ok(()))),
        }
    }

    async fn save_changes(&self, pending: Pending) -> Saved {
        match pending.save(self).await {
            Ok(Some((id, loaded))) => {
                let left = self.settings.sessions.absolute_left(&loaded);
                let cookie = self.settings.cookie.set(id.expose(), left);
                // For code that continues after the response.
                let mut state = self.state();
                state.found = Found::Live(loaded);
                state.given = Given::Now(id);
                (Some(cookie), Ok(()))
            }
            Ok(None) => (self.removal(), Ok(())),
            Err(error) => {
                let over = matches!(error.kind(), ErrorKind::Revoked | ErrorKind::Expired);
                (over.then(|| self.settings.cookie.remove()), Err(error))
            }
        }
    }

    /// Returns the session if its time of last use is due to be saved.
    fn due(&self) -> Option<Loaded> {
        let state = self.state();
        let live = state.found.live()?;
        self.settings.sessions.touch_is_due(live).then(|| live.clone())
    }
}

impl Pending {
    /// Takes the pending changes; `None` if there are none or the handler failed (5xx).
    fn of(state: &mut State, status: u16) -> Option<Self> {
        state.closed = true;
        let found = state.found.live().cloned();
        let rotate = state.rotate && found.is_some();
        let wrote = state.written.is_some() || state.login.is_some() || rotate;
        if status >= 500 || !wrote {
            return None;
        }
        if state.moves() {
            state.given = Given::Soon;
            state.rotate = false;
        }
        Some(Self {
            found,
            moved: matches!(state.found, Found::Ended { removed: false }),
            written: state.written.take().map(|(_, written)| written),
            changes: std::mem::take(&mut state.changes),
            merge: state.merge.take(),
            login: state.login.take().map(|login| match &state.device {
                Some(device) => login.or_device(device),
                None => login,
            }),
            rotate,
            methods: state.methods.take(),
            previous: state.previous.take(),
        })
    }

    /// Writes the changes; returns the new id if the session got one.
    async fn save(self, session: &RequestSession) -> Result<Option<(SessionId, Loaded)>, Error> {
        let sessions = &session.settings.sessions;
        let ours = self.written.as_ref().map(|data| data.to_json());
        let ours = ours.transpose()?;
        let Some(mut read) = self.found.clone() else {
            // A new guest session would overwrite the browser's new cookie.
            if self.moved && self.login.is_none() {
                return Err(conflict());
            }
            return self.begin(sessions, ours).await.map(Some);
        };
        let mut data = ours.clone();
        let mut attempts = Attempts::at("the session");
        loop {
            attempts.next()?;
            let saved = match data {
                Some(data) if self.login.is_none() && !self.rotate => {
                    sessions.save_text(&read, data).await.map(|_| None)
                }
                data => {
                    let rotation =
                        Rotation { login: self.login.clone(), data, methods: self.methods.clone() };
                    sessions.rotate(&read, rotation).await.map(Some)
                }
            };
            let error = match (saved, &ours) {
                (Err(error), Some(ours)) if error.kind() == ErrorKind::Conflict => {
                    match sessions.reload(&read).await {
                        Ok(theirs) => {
                            data = Some(self.again(theirs.data_text(), ours, error)?);
                            read = theirs;
                            continue;
                        }
                        Err(error) => error,
                    }
                }
                (Err(error), _) => error,
                (saved, _) => return saved,
            };
            // The session ended or got a new id, as when login is clicked twice: the login still
            // applies.
            let over = matches!(
                error.kind(),
                ErrorKind::Revoked | ErrorKind::Expired | ErrorKind::Conflict
            );
            return match self.login.as_ref().filter(|_| over) {
                Some(login) => {
                    let kept = login.takes_over(&read, &error).then(|| read.data_text().to_owned());
                    self.begin(sessions, ours.or(kept)).await.map(Some)
                }
                None => Err(error),
            };
        }
    }

    /// Begins a session, and ends the previous one of another user.
    async fn begin(
        self,
        sessions: &Sessions,
        data: Option<String>,
    ) -> Result<(SessionId, Loaded), Error> {
        let new = self.login.unwrap_or_else(NewSession::guest);
        let mut new = new.proved_by(self.methods);
        if let Some(data) = data {
            new = new.or_data(data);
        }
        let begun = sessions.begin(new).await?;
        if let Some(previous) = self.previous {
            sessions.finish(&previous).await?;
        }
        Ok(begun)
    }

    /// Returns the data to save after another request saved `theirs` first.
    fn again(&self, theirs: &str, ours: &str, conflict: Error) -> Result<String, Error> {
        match (&self.merge, &self.changes) {
            (Some(merge), _) => merge(theirs, ours),
            (None, Changes::Repeatable(changes)) => {
                changes.iter().try_fold(theirs.to_owned(), |data, change| change(&data))
            }
            (None, Changes::ByHand) => Err(conflict),
        }
    }
}
