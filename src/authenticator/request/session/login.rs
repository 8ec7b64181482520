//! Sessions of JAM logins, and what logins ask of the authenticator.

use super::data::SessionData;
use super::handle::Session;
use super::request_session::RequestSession;
use crate::authenticator::cookies::LoginCookies;
use crate::authenticator::handle::Authenticator;
use crate::authenticator::request::credentials::{self, Head};
use crate::authenticator::request::refresh::Holder;
use crate::core::{Error, ErrorKind, Secret};
use crate::session::{Loaded, NewSession, Rotation, Tokens};
use std::{fmt, sync::Arc};

impl Authenticator {
    /// Returns the user of an ID token with a valid signature, even if expired or revoked.
    ///
    /// `None` for a token that may be forged.
    pub(crate) async fn genuine(&self, id_token: &str) -> Option<Holder> {
        if let Err(error) = self.verify(id_token).await
            && !matches!(
                error.kind(),
                ErrorKind::Expired | ErrorKind::Revoked | ErrorKind::NotListed
            )
        {
            return None;
        }
        Holder::of(id_token.as_bytes()).ok()
    }

    pub(crate) fn cookies(&self) -> Option<&LoginCookies> {
        self.0.cookies.as_ref()
    }

    /// Returns the store of the sessions.
    #[cfg(feature = "oauth2")]
    pub(crate) fn session_store(&self) -> Option<Arc<dyn crate::store::Store>> {
        Some(self.0.sessions.as_ref()?.sessions.store())
    }

    /// Returns the session of a request outside the layer; `None` without sessions.
    pub(crate) fn session(&self, head: &impl Head) -> Option<Arc<RequestSession>> {
        let session = RequestSession::of(self, head, self.0.sessions.as_ref()?);
        session.state().device = credentials::user_agent(head);
        Some(session)
    }
}

impl RequestSession {
    /// Whether the request has a session cookie, valid or not.
    pub(crate) fn has_cookie(&self) -> bool {
        !matches!(self.cookie, Ok(None))
    }

    /// Begins the session of a login, or continues the client's; returns the cookie.
    pub(crate) async fn log_in(&self, mut new: NewSession) -> Result<String, Error> {
        let sessions = &self.settings.sessions;
        if let Some(device) = &self.state().device {
            new = new.or_device(device);
        }
        let found = self.found().await?;
        let (id, loaded) = match found {
            Some(own) if new.continues(&own) => {
                let rotation = Rotation { login: Some(new.clone()), ..Rotation::default() };
                match sessions.rotate(&own, rotation).await {
                    // It ended, or a concurrent login changed its id.
                    Err(error) if is_gone(&error) => {
                        if new.takes_over(&own, &error) {
                            new = new.or_data(own.data_text().to_owned());
                        }
                        sessions.begin(new).await?
                    }
                    answer => answer?,
                }
            }
            theirs => {
                let begun = sessions.begin(new).await?;
                if let Some(theirs) = &theirs {
                    sessions.finish(theirs).await?;
                }
                begun
            }
        };
        let left = sessions.absolute_left(&loaded);
        Ok(self.settings.cookie.set(id.expose(), left))
    }

    /// Ends this session or all of its user's; returns the ended session.
    pub(crate) async fn log_out(&self, everywhere: bool) -> Result<Option<Loaded>, Error> {
        let Some(found) = self.found_alone().await? else {
            return Ok(None);
        };
        let sessions = &self.settings.sessions;
        match found.key().filter(|_| everywhere) {
            Some(user) => sessions.end_all(user).await.map(drop)?,
            None => sessions.finish(&found).await.map(drop)?,
        }
        Ok(Some(found))
    }

    /// Returns the `Set-Cookie` value that removes the session cookie.
    pub(crate) fn remove_cookie(&self) -> String {
        self.settings.cookie.remove()
    }
}

fn is_gone(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Revoked | ErrorKind::Expired | ErrorKind::Conflict)
}

/// The tokens of a session's JAM login, from [`Session::tokens`].
///
/// Redacted in `Debug`.
///
/// # Example
/// ```
/// use jamguard::{Error, JamClient, Session};
///
/// /// Ends this user's logins at JAM, on every device.
/// async fn end_all(session: Session<()>, client: JamClient) -> Result<(), Error> {
///     match session.tokens() {
///         Some(tokens) => client.delete_all_refresh_tokens(tokens.id_token().expose()).await,
///         None => Ok(()),
///     }
/// }
/// ```
#[derive(Clone)]
pub struct SessionTokens(Arc<Tokens>);

impl SessionTokens {
    /// Returns the ID token.
    ///
    /// [`silent_refresh`](crate::AuthenticatorBuilder::silent_refresh) renews it while the session
    /// is used.
    pub fn id_token(&self) -> &Secret {
        &self.0.id
    }

    /// Returns the refresh token, if the app allows refreshing.
    pub fn refresh_token(&self) -> Option<&Secret> {
        self.0.refresh.as_ref()
    }
}

impl fmt::Debug for SessionTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionTokens(redacted)")
    }
}

impl<T: SessionData> Session<T> {
    /// Returns the tokens of the session's JAM login, for calls on the user's behalf.
    pub fn tokens(&self) -> Option<SessionTokens> {
        let state = self.request.state();
        let tokens = state.found.live()?.tokens()?;
        Some(SessionTokens(tokens.clone()))
    }
}
