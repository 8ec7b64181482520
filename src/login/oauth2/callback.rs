//! The OAuth2 login flow: the redirect to the provider, and the callback with a code.

use super::handlers::{Keep, OAuth2Login};
use super::pending::PendingLogin;
use super::user::{OAuth2Arrival, OAuth2User};
use crate::authenticator::LoginCookies;
use crate::authenticator::request::RequestSession;
use crate::core::{AuthResponse, Error, ErrorKind, Secret, telemetry};
use crate::login::{Redirect, parts::check_local};
use crate::oauth2::{TokenResponse, grant::UserGrant, pending::Callback, pkce::random_text};
use crate::session::NewSession;
use crate::token::{issuer::Issuer, verified::Verified, verifier::Verifier};
use std::{borrow::Cow, sync::Arc};
use url::form_urlencoded;

/// In bytes: longer than the path of any page, and short enough to store for anonymous clients.
const MAX_RETURN_TO: usize = 2048;

impl OAuth2Login {
    /// Starts a login in this browser and redirects it to the provider.
    pub(super) async fn leave_for_provider(
        &self,
        query: &str,
        browser: Option<Secret>,
    ) -> Result<AuthResponse, Error> {
        let settings = &*self.0;
        let return_to = return_to(query)?;
        let browser = browser.map_or_else(random_text, Ok)?;
        let (url, pending) = settings.request.clone().begin().await?.into_parts();
        let login = PendingLogin { pending, return_to };
        settings.pending.keep(&login, &browser).await?;
        Ok(Redirect::to(url).with_header("set-cookie", settings.cookie.set(&browser)).0)
    }

    /// Loads the pending login of a callback and exchanges its code for tokens.
    pub(super) async fn arrived(
        &self,
        query: &str,
        browser: Option<Secret>,
    ) -> Result<OAuth2Arrival, Error> {
        let settings = &*self.0;
        let invalid = |message| Error::new(ErrorKind::InvalidCallback, message);
        let state = Callback::parse(query)?
            .state
            .ok_or_else(|| invalid("the callback has no state: start the login again"))?;
        let browser = browser.ok_or_else(|| {
            invalid("this browser has no pending login: start it again, with cookies enabled")
        })?;
        let PendingLogin { pending, return_to } = settings.pending.take(&state, &browser).await?;
        let nonce = pending.nonce().cloned();
        let tokens = settings.client.callback(pending, query)?.send().await?;
        let id_token = match &settings.verifier {
            Some(verifier) => Some(self.verified(verifier, &tokens, nonce).await?),
            None => None,
        };
        Ok(OAuth2Arrival { client: settings.client.clone(), tokens, id_token, return_to })
    }

    /// Verifies the ID token of a login.
    async fn verified(
        &self,
        verifier: &Verifier,
        tokens: &TokenResponse,
        nonce: Option<Secret>,
    ) -> Result<Verified, Error> {
        let id_token = tokens.id_token().ok_or_else(|| {
            Error::new(
                ErrorKind::UnexpectedBody,
                "the provider's answer has no id_token: check its support for the scope openid",
            )
        })?;
        let client = &self.0.client;
        let found = client.verify_id_token(verifier, id_token).await;
        // It comes from the provider itself: a failure points to the configuration.
        let found = found.inspect_err(|error| {
            if error.kind() != ErrorKind::Unavailable {
                telemetry::warn("the ID token of an OAuth2 login was rejected", error);
            }
        })?;
        let refuse = |message| Err(Error::new(ErrorKind::InvalidClaim, message));
        match (nonce, found.nonce) {
            (Some(ours), Some(theirs)) if ours == theirs => Ok(found.verified),
            (Some(_), None) => refuse("the ID token has no nonce"),
            _ => refuse("the ID token's nonce is not this login's"),
        }
    }

    /// Finishes the login: a session, a token, or the application's closure.
    pub(super) async fn welcome(
        &self,
        arrival: OAuth2Arrival,
        session: Option<Arc<RequestSession>>,
    ) -> Result<AuthResponse, Error> {
        let settings = &*self.0;
        if let Keep::Handed(on_login) = &settings.keep {
            return on_login(arrival).await.map(|redirect| redirect.0);
        }
        let user = match &settings.who {
            Some(who) => who(arrival.clone()).await?,
            None => arrival.user(&settings.auth)?,
        };
        if user.key().is_empty() {
            let message = "the user's key is empty: .user(…) must return a key";
            return Err(Error::new(ErrorKind::MissingClaim, message));
        }
        let redirect = Redirect::to(arrival.return_to().unwrap_or(&settings.home));
        let redirect = match &settings.keep {
            Keep::Token(issuer, cookies) => self.token(issuer, cookies, &user, redirect).await?,
            Keep::Session => {
                let session = session.ok_or_else(|| {
                    Error::new(ErrorKind::Internal, "the authenticator has no sessions")
                })?;
                let claims = serde_json::Value::Object(user.session_claims()?).to_string();
                let grant = UserGrant::new(&arrival.client, arrival.tokens).to_text();
                let mut new = NewSession::of(user.key());
                (new.claims, new.grant) = (Some(Ok(claims)), Some(Arc::new(grant)));
                redirect.with_header("set-cookie", session.log_in(new).await?)
            }
            // Returned above.
            Keep::Handed(_) => redirect,
        };
        Ok(redirect.0)
    }

    /// Issues a token of this site into the ID cookie.
    async fn token(
        &self,
        issuer: &Issuer,
        cookies: &LoginCookies,
        user: &OAuth2User,
        redirect: Redirect,
    ) -> Result<Redirect, Error> {
        let token = issuer.issue(&user.own_claims()?).await?;
        // Fail now if later requests would reject the token.
        let accepted = self.0.auth.authenticate(token.expose()).await;
        accepted.map_err(|error| match error.kind() {
            ErrorKind::Unavailable => error,
            _ => Error::configuration(
                "the authenticator does not accept the issuer's tokens: give it \
                 .verifier(issuer.verifier())",
            )
            .with_source(error),
        })?;
        Ok(redirect
            .with_header("set-cookie", cookies.set_id(token.expose())?)
            .with_header("set-cookie", cookies.remove_refresh()))
    }
}

/// Parses `return_to`: the path to redirect to after the login.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if it is not a path of this site, too long, or repeated.
fn return_to(query: &str) -> Result<Option<String>, Error> {
    let mut wanted = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name == "return_to")
        .map(|(_, path)| path);
    let refuse = || {
        let message = "return_to is not a path of this site, or is too long, or repeated";
        Error::new(ErrorKind::InvalidRequest, message)
    };
    match (wanted.next(), wanted.next()) {
        (None, _) => Ok(None),
        (Some(path), None) if path.len() <= MAX_RETURN_TO && check_local(&path).is_ok() => {
            Ok(Some(Cow::into_owned(path)))
        }
        _ => Err(refuse()),
    }
}
