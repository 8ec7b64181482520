//! Logout: ends the session, removes the cookies, and deletes the refresh token at JAM.

use super::handlers::{DEADLINE, JamLogin};
use super::parts::{Redirect, private};
use crate::authenticator::Visit;
use crate::authenticator::{Authenticator, Head, credentials};
use crate::core::challenge::AuthResponse;
use crate::core::error::{Error, ErrorKind};
use crate::core::secret::Secret;
use crate::core::telemetry;
use std::sync::Arc;

/// ID token and refresh token, if present.
type Tokens = (Option<Secret>, Option<Secret>);

/// The login that a request presents, by session or cookies.
pub(super) struct Presented {
    id_token: Option<Secret>,
    refresh_token: Option<Secret>,
    /// Whether the request has login cookies, valid or not.
    cookies: bool,
    foreign: Option<Error>,
    visit: Option<Arc<Visit>>,
}

impl Presented {
    pub(super) fn of(head: &impl Head, auth: &Authenticator, visit: Option<Arc<Visit>>) -> Self {
        let cookies = auth.cookies();
        let find = |name: &str| credentials::cookie(head, name);
        let id_token = cookies.map_or(Ok(None), |cookies| find(cookies.id_name()));
        let refresh_token = cookies.map_or(Ok(None), |cookies| find(cookies.refresh_name()));
        let text = |found: &Result<Option<&[u8]>, Error>| {
            let value = found.as_ref().ok().copied().flatten()?;
            std::str::from_utf8(value).ok().map(Secret::new)
        };
        Self {
            id_token: text(&id_token),
            refresh_token: text(&refresh_token),
            cookies: !matches!((&id_token, &refresh_token), (Ok(None), Ok(None))),
            foreign: auth.origins().check(head).err(),
            visit,
        }
    }

    /// Denies a cross-site logout. Without cookies (SameSite) the request passes and ends nothing.
    pub(super) fn check_origin(&self) -> Result<(), Error> {
        if let Some(visit) = self.visit.as_ref().filter(|visit| visit.has_cookie()) {
            visit.check_origin()?;
        }
        match &self.foreign {
            Some(foreign) if self.cookies => Err(foreign.clone()),
            _ => Ok(()),
        }
    }

    /// Ends the session, or all of its user's.
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`] if `everywhere` is set without a login; errors of the
    /// store.
    pub(super) async fn end(&self, everywhere: bool) -> Result<Option<Tokens>, Error> {
        let session = self.end_session(everywhere).await?;
        match everywhere && session.is_none() && !self.cookies {
            true => Err(Error::new(
                ErrorKind::MissingCredentials,
                "no user is logged in here: log in first",
            )),
            false => Ok(session),
        }
    }

    /// Redirects the browser home and removes the cookies of the ended login.
    pub(super) fn farewell(&self, auth: &Authenticator, html: bool, home: &str) -> AuthResponse {
        let mut redirect =
            if html { Redirect::to(home) } else { Redirect(private(AuthResponse::new(204))) };
        let mut removals: Vec<_> = self.session_removal().into_iter().collect();
        // A cross-site form arrives without the cookies (SameSite) and must not remove them.
        if let Some(cookies) = auth.cookies().filter(|_| self.cookies) {
            removals.extend([cookies.remove_refresh(), cookies.remove_id()]);
        }
        for removal in removals {
            redirect = redirect.with_header("set-cookie", removal);
        }
        redirect.0
    }

    /// Ends the session, or all of its user's, and returns its tokens; `None` without a session.
    async fn end_session(&self, everywhere: bool) -> Result<Option<Tokens>, Error> {
        let Some(visit) = &self.visit else {
            return Ok(None);
        };
        let ended = visit.log_out(everywhere).await?;
        Ok(ended.map(|ended| match ended.tokens() {
            Some(tokens) => (Some(tokens.id.clone()), tokens.refresh.clone()),
            None => (None, None),
        }))
    }

    /// Returns the `Set-Cookie` value that removes the session cookie, if the request has one.
    fn session_removal(&self) -> Option<String> {
        let visit = self.visit.as_ref().filter(|visit| visit.has_cookie())?;
        Some(visit.remove_cookie())
    }
}

impl JamLogin {
    pub(super) async fn leave(
        &self,
        presented: Presented,
        html: bool,
        everywhere: bool,
    ) -> Result<AuthResponse, Error> {
        // The session ends first, whatever JAM answers.
        let session = presented.end(everywhere).await?;
        let at_jam = self.end_at_jam(&presented, session, everywhere);
        if tokio::time::timeout(DEADLINE, at_jam).await.is_err() {
            telemetry::warn("a refresh token may be valid at JAM", &"no answer in time");
        }
        let settings = &*self.0;
        Ok(presented.farewell(&settings.auth, html, &settings.home))
    }

    /// Deletes the refresh tokens of the ended session and of the browser's cookies.
    async fn end_at_jam(&self, presented: &Presented, session: Option<Tokens>, everywhere: bool) {
        let mut logins: Vec<Tokens> = session.into_iter().collect();
        if let (Some(id_token), Some(_)) = (&presented.id_token, &presented.refresh_token)
            && self.is_genuine(id_token).await
        {
            logins.push((presented.id_token.clone(), presented.refresh_token.clone()));
        }
        for (id_token, refresh_token) in logins {
            let Some(refresh_token) = &refresh_token else {
                continue;
            };
            let end = self.end(id_token, refresh_token, everywhere);
            if let Err(error) = self.0.calls.run(end).await {
                telemetry::warn("a refresh token could not be deleted at logout", &error);
            }
        }
    }

    /// Whether this app's issuer signed a cookie's ID token. Refresh tokens are easy to invent, and
    /// each would cause requests to JAM.
    async fn is_genuine(&self, id_token: &Secret) -> bool {
        let holder = self.0.auth.genuine(id_token.expose()).await;
        holder.is_some_and(|holder| self.0.client.check_issuer(holder.issuer()).is_ok())
    }

    /// Deletes the refresh token at JAM, or all of its user's. Renews an expired ID token first.
    async fn end(
        &self,
        id_token: Option<Secret>,
        refresh_token: &Secret,
        everywhere: bool,
    ) -> Result<(), Error> {
        let client = &self.0.client;
        let refresh_token = refresh_token.expose();
        let delete = async |id_token: &Secret| match everywhere {
            true => client.delete_all_refresh_tokens(id_token.expose()).await,
            false => {
                let id_token = id_token.expose();
                client.delete_refresh_token(id_token, refresh_token).await
            }
        };
        if let Some(id_token) = &id_token {
            match delete(id_token).await {
                Err(error) if error.kind() == ErrorKind::Unauthorized => {}
                answer => return answer,
            }
        }
        delete(&client.refresh(refresh_token).await?).await
    }
}
