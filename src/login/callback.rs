//! The callback of JAM's magic link: verifies the tokens and starts the login.

use super::handlers::{JamLogin, Keep};
use super::parts::{Login, Redirect};
use crate::authenticator::request::RequestSession;
use crate::core::{AuthResponse, Error, ErrorKind, Secret, mismatch};
use crate::session::{NewSession, Tokens};
use std::sync::Arc;

impl JamLogin {
    pub(super) async fn arrived(
        &self,
        id_token: Secret,
        refresh_token: Option<Secret>,
    ) -> Result<Login, Error> {
        let settings = &*self.0;
        let identity = settings.auth.authenticate(id_token.expose()).await?;
        // The authenticator may accept other apps and issuers too.
        let (expected, found) = (settings.client.issuer(), identity.issuer());
        if found != Some(&*expected) {
            let how = mismatch(&[expected], found.as_slice());
            let message = format!("the token's issuer is not this app: {how}");
            return Err(Error::new(ErrorKind::UnknownIssuer, message));
        }
        Ok(Login { identity, refresh_token })
    }

    pub(super) async fn welcome(
        &self,
        login: Login,
        session: Option<Arc<RequestSession>>,
    ) -> Result<AuthResponse, Error> {
        let settings = &*self.0;
        if let Some(on_login) = &settings.on_login {
            return on_login(login).await.map(|redirect| redirect.0);
        }
        let redirect = Redirect::to(&settings.home);
        if let Some(session) = session {
            let cookie = session.log_in(login.into_session()?).await?;
            return Ok(redirect.with_header("set-cookie", cookie).0);
        }
        let (Keep::Cookies(cookies), Some(token)) = (&settings.keep, login.identity.token()) else {
            return Ok(redirect.0);
        };
        let refresh_token = match &login.refresh_token {
            Some(token) => cookies.set_refresh(token.expose())?,
            // A refresh token of an earlier login must not outlive this one.
            None => cookies.remove_refresh(),
        };
        Ok(redirect
            .with_header("set-cookie", cookies.set_id(token.expose_token())?)
            .with_header("set-cookie", refresh_token)
            .0)
    }
}

impl Login {
    /// Returns the session that this login begins.
    fn into_session(self) -> Result<NewSession, Error> {
        #[derive(serde::Deserialize)]
        struct Mail {
            email: String,
        }

        let user = match (self.identity.subject(), self.identity.claims::<Mail>()) {
            (Some(subject), _) => subject.to_owned(),
            (None, Ok(mail)) => mail.email.clone(),
            (None, Err(_)) => {
                return Err(Error::new(
                    ErrorKind::MissingClaim,
                    "the ID token has neither 'sub' nor 'email' to name the session's user: \
                     configure the issuer to send one",
                ));
            }
        };
        let token = self.identity.token().map(|token| token.expose_token());
        let id_token = Secret::new(token.unwrap_or_default());
        let mut new = NewSession::of(user);
        new.claims = Some(Ok(self.identity.raw_claims().to_owned()));
        new.tokens = Some(Arc::new(Tokens::new(id_token, self.refresh_token)));
        Ok(new)
    }
}
