//! Logout: ends the session, removes the cookies, and deletes the refresh token at JAM.

use super::handlers::{DEADLINE, JamLogin};
use super::parts::{Redirect, endpoint, private};
use crate::authenticator::Authenticator;
use crate::authenticator::request::{Head, RequestSession, credentials};
use crate::core::{AuthResponse, Error, ErrorKind, Secret, telemetry};
use crate::endpoint::Endpoint;
use crate::session::Tokens;
use std::sync::Arc;

/// The login that a request to log out presents, by session or cookies.
pub(super) struct Presented {
    auth: Authenticator,
    session: Option<Arc<RequestSession>>,
    id_token: Option<Secret>,
    refresh_token: Option<Secret>,
    /// Whether the request has login cookies, valid or not.
    cookies: bool,
    foreign: Option<Error>,
    html: bool,
}

impl Presented {
    pub(super) fn of(
        head: &impl Head,
        auth: &Authenticator,
        session: Option<Arc<RequestSession>>,
    ) -> Self {
        let cookies = auth.cookies();
        let find = |name: &str| credentials::cookie(head, name);
        let id_token = cookies.map_or(Ok(None), |cookies| find(cookies.id_name()));
        let refresh_token = cookies.map_or(Ok(None), |cookies| find(cookies.refresh_name()));
        let text = |found: &Result<Option<&[u8]>, Error>| {
            let value = found.as_ref().ok().copied().flatten()?;
            std::str::from_utf8(value).ok().map(Secret::new)
        };
        Self {
            auth: auth.clone(),
            session,
            id_token: text(&id_token),
            refresh_token: text(&refresh_token),
            cookies: !matches!((&id_token, &refresh_token), (Ok(None), Ok(None))),
            foreign: auth.origins().check(head).err(),
            html: credentials::accepts_html(head),
        }
    }

    /// Ends the session, or all of its user's, and returns its tokens.
    ///
    /// # Errors
    /// [`ErrorKind::CrossSite`] for another site's request; [`ErrorKind::MissingCredentials`] if
    /// `everywhere` is set without a login; errors of the store.
    pub(super) async fn end(&self, everywhere: bool) -> Result<Option<Arc<Tokens>>, Error> {
        self.check_origin()?;
        let session = match &self.session {
            Some(session) => session.log_out(everywhere).await?,
            None => None,
        };
        if everywhere && session.is_none() && !self.cookies {
            let message = "no user is logged in here: log in first";
            return Err(Error::new(ErrorKind::MissingCredentials, message));
        }
        Ok(session.and_then(|session| session.tokens().cloned()))
    }

    /// Denies a cross-site logout. Without cookies (SameSite) the request passes and ends nothing.
    fn check_origin(&self) -> Result<(), Error> {
        if let Some(session) = self.session.as_ref().filter(|session| session.has_cookie()) {
            session.check_origin()?;
        }
        match &self.foreign {
            Some(foreign) if self.cookies => Err(foreign.clone()),
            _ => Ok(()),
        }
    }

    /// Redirects the browser home and removes the cookies of the ended login.
    ///
    /// A cross-site form arrives without cookies (SameSite) and must not remove them.
    pub(super) fn farewell(&self, home: &str) -> AuthResponse {
        let mut answer = match self.html {
            true => Redirect::to(home).0,
            false => private(AuthResponse::new(204)),
        };
        if let Some(session) = self.session.as_ref().filter(|session| session.has_cookie()) {
            answer.add_header("set-cookie", session.remove_cookie());
        }
        if let Some(cookies) = self.auth.cookies().filter(|_| self.cookies) {
            answer.add_header("set-cookie", cookies.remove_refresh());
            answer.add_header("set-cookie", cookies.remove_id());
        }
        answer
    }
}

impl JamLogin {
    /// Returns the `POST` handler that ends the login.
    ///
    /// It ends the session, deletes its refresh token at JAM and removes the cookies. It answers
    /// 303 to the home page if the client accepts HTML, otherwise 204. A request from another
    /// site's page is denied with 403; other methods are answered 405, however it is mounted.
    ///
    /// A refresh token in a cookie is deleted at JAM only next to an authentic ID token, which may
    /// be expired. At most 16 logouts call JAM at once, each for at most 5 seconds. The local login
    /// ends in any case.
    pub fn logout(&self) -> Endpoint {
        self.ending("logout", false)
    }

    /// Returns the `POST` handler that ends all logins of the user.
    ///
    /// It ends every session and deletes every refresh token at JAM. ID tokens in other browsers'
    /// cookies cannot be revoked and stay valid until they expire. It answers 401 without a login,
    /// otherwise like [`logout`](Self::logout).
    pub fn logout_everywhere(&self) -> Endpoint {
        self.ending("logout_everywhere", true)
    }

    fn ending(&self, name: &'static str, everywhere: bool) -> Endpoint {
        let login = self.clone();
        endpoint(name, "POST", &self.0.auth, move |request| {
            let login = login.clone();
            let presented = Presented::of(request, &login.0.auth, login.session(request));
            async move {
                // The session ends first, whatever JAM answers.
                let session = presented.end(everywhere).await?;
                login.end_at_jam(&presented, session, everywhere).await;
                Ok(presented.farewell(&login.0.home))
            }
        })
    }

    /// Deletes the refresh tokens of the ended session and of the browser's cookies at JAM.
    async fn end_at_jam(
        &self,
        presented: &Presented,
        session: Option<Arc<Tokens>>,
        everywhere: bool,
    ) {
        let deletions = async {
            let session = session.as_ref();
            let of_session =
                session.and_then(|tokens| Some((&tokens.id, tokens.refresh.as_ref()?)));
            let of_cookies = match (&presented.id_token, &presented.refresh_token) {
                (Some(id), Some(refresh)) if self.is_genuine(id).await => Some((id, refresh)),
                _ => None,
            };
            for (id_token, refresh_token) in of_session.into_iter().chain(of_cookies) {
                let deletion = self.delete(id_token, refresh_token, everywhere);
                if let Err(error) = self.0.calls.run(deletion).await {
                    telemetry::warn("a refresh token could not be deleted at logout", &error);
                }
            }
        };
        if tokio::time::timeout(DEADLINE, deletions).await.is_err() {
            telemetry::warn("a refresh token may be valid at JAM", &"no answer in time");
        }
    }

    /// Whether this app's issuer signed a cookie's ID token. Refresh tokens are easy to invent, and
    /// each would cause requests to JAM.
    async fn is_genuine(&self, id_token: &Secret) -> bool {
        let holder = self.0.auth.genuine(id_token.expose()).await;
        holder.is_some_and(|holder| holder.issuer() == Some(&*self.0.client.issuer()))
    }

    /// Deletes the refresh token at JAM, or all of its user's. Renews an expired ID token first.
    async fn delete(
        &self,
        id_token: &Secret,
        refresh_token: &Secret,
        everywhere: bool,
    ) -> Result<(), Error> {
        let client = &self.0.client;
        let refresh_token = refresh_token.expose();
        let delete = async |id_token: &Secret| match everywhere {
            true => client.delete_all_refresh_tokens(id_token.expose()).await,
            false => client.delete_refresh_token(id_token.expose(), refresh_token).await,
        };
        match delete(id_token).await {
            Err(error) if error.kind() == ErrorKind::Unauthorized => {
                delete(&client.refresh(refresh_token).await?).await
            }
            answer => answer,
        }
    }
}
