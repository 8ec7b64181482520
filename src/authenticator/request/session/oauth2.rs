//! The tokens of an OAuth2 login, kept in its session.

use super::data::SessionData;
use super::handle::Session;
use crate::authenticator::{handle::Authenticator, identity::CredentialKind};
use crate::core::{Error, ErrorKind, Secret, telemetry};
use crate::oauth2::{OAuth2Client, TokenRequest, TokenResponse, grant::UserGrant};
use crate::session::{Loaded, Sessions};
use crate::token::{verified::Verified, verifier::Verifier};
use std::time::Duration;

/// Attempts, in case other processes refresh first. Repeated conflicts mean another problem.
const ATTEMPTS: usize = 5;
/// Pause before each further look, for another process to save its refreshed tokens.
const PAUSE: Duration = Duration::from_millis(300);
/// Attempts to save new tokens while the store is down, one per second.
const KEPT_LATER: usize = 60;

impl Authenticator {
    /// Whether policies treat the token's email address as verified.
    pub(crate) fn has_verified_email(&self, token: &Verified) -> bool {
        let identity = self.identity(token.clone().into(), CredentialKind::Bearer);
        identity.verified_email().is_some()
    }

    /// Whether this site's cookies are also sent over plain http, as in development.
    pub(crate) fn has_plain_cookies(&self) -> bool {
        let cookies = self.0.cookies.as_ref();
        if let Some(sessions) = &self.0.sessions {
            return !sessions.is_secure();
        }
        cookies.is_some_and(|cookies| !cookies.is_secure())
    }

    /// Registers the verifier for ID tokens that a refresh returns.
    pub(crate) fn renews_id_tokens(&self, client: &OAuth2Client, verifier: &Verifier) {
        if let Some(settings) = &self.0.sessions {
            settings.renewals.id_tokens.insert(client, verifier);
        }
    }
}

impl<T: SessionData> Session<T> {
    /// Returns the tokens of the session's OAuth2 login, as loaded with the request.
    ///
    /// [`fresh_oauth2_tokens`](Self::fresh_oauth2_tokens) refreshes them if needed.
    pub fn oauth2_tokens(&self) -> Option<TokenResponse> {
        let state = self.request.state();
        let grant = UserGrant::from_text(state.found.live()?.grant()?);
        grant.ok().map(|grant| grant.tokens)
    }

    /// Returns the tokens of the OAuth2 login at this client's provider, refreshed if needed.
    ///
    /// The access token is refreshed in the last minute of its lifetime, or the last fifth if that
    /// is shorter: once, even for concurrent requests. The session keeps the new tokens even if the
    /// request is cancelled, or the store is down for up to 1 minute. While the provider is down,
    /// the old token is returned until it expires.
    ///
    /// A new ID token is verified like the login's, and must be for the same user and client and
    /// not older (OpenID Connect Core 1.0 section 12.2). Otherwise the whole response is rejected:
    /// its access token may be another user's too. The old ID token stays if there is no new one,
    /// if the provider's keys are unavailable, or if this authenticator has no
    /// [`OAuth2Login`](crate::OAuth2Login) of the client with sessions.
    ///
    /// ```
    /// use jamguard::{Error, Session, oauth2::OAuth2Client};
    ///
    /// async fn repositories(session: Session<()>, github: OAuth2Client) -> Result<usize, Error> {
    ///     let tokens = session.fresh_oauth2_tokens(&github).await?;
    ///     let url = "https://api.github.com/user/repos";
    ///     let repositories: Vec<serde_json::Value> =
    ///         github.get_json(url, tokens.access_token()).await?;
    ///     Ok(repositories.len())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::MissingCredentials`] if the session has no login at that provider;
    /// [`ErrorKind::Expired`] if the access token is expired and there is no refresh token;
    /// [`ErrorKind::InvalidGrant`] if the provider rejects the refresh token: the user must log in
    /// again. The errors of [`Verifier::verify`](crate::Verifier::verify) for a rejected ID token,
    /// of [`TokenRequest::send`](crate::oauth2::TokenRequest::send), and of the store.
    pub async fn fresh_oauth2_tokens(&self, client: &OAuth2Client) -> Result<TokenResponse, Error> {
        let sessions = &self.request.settings.sessions;
        let found = self.request.found_alone().await?.ok_or_else(no_login)?;
        let mut refused: Option<(Secret, Error)> = None;
        for attempt in 1..=ATTEMPTS {
            // Another request may have refreshed since the session was loaded.
            let loaded = sessions.reload(&found).await?;
            let grant = granted(&loaded, client)?;
            let (due, expired) = grant.is_due(sessions.now());
            if !due {
                return Ok(grant.tokens);
            }
            let Some(refresh_token) = grant.tokens.refresh_token() else {
                return match expired {
                    false => Ok(grant.tokens),
                    true => Err(Error::new(
                        ErrorKind::Expired,
                        "the access token is expired and there is no refresh token: log in again",
                    )),
                };
            };
            // Providers reject a used refresh token like a revoked one: wait for the other process.
            if let Some((token, error)) = &refused
                && token == refresh_token
            {
                if attempt == ATTEMPTS {
                    return Err(error.clone());
                }
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let granted_before = grant.tokens.scopes().to_vec();
            let request = client.refresh(refresh_token.clone());
            let request = request.granted_before(granted_before);
            let renewal = Renewal {
                sessions: sessions.clone(),
                loaded: loaded.clone(),
                client: client.clone(),
                request,
                before: grant.tokens.id_token().cloned(),
                verifier: self.request.settings.renewals.id_tokens.of(client),
            };
            match renewal.in_any_case().await {
                Ok(Some(tokens)) => return Ok(tokens),
                Ok(None) => refused = None,
                // Perhaps another process refreshed first: the session will show its tokens.
                Err(error) if error.kind() == ErrorKind::InvalidGrant => {
                    refused = Some((refresh_token.clone(), error));
                }
                Err(_) if !expired => return Ok(grant.tokens),
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(
            ErrorKind::Unavailable,
            "another process keeps refreshing the session's tokens: try again",
        ))
    }
}

/// A refresh of a session's tokens.
struct Renewal {
    sessions: Sessions,
    loaded: Loaded,
    client: OAuth2Client,
    request: TokenRequest,
    /// The session's current ID token.
    before: Option<Secret>,
    /// The verifier for a new ID token.
    verifier: Option<Verifier>,
}

impl Renewal {
    /// Returns the new tokens, saved in the session; `None` if the session got others meanwhile.
    ///
    /// Runs in a task: the caller may be cancelled before the provider answers. Rotation has used
    /// the old refresh token by then, and without the new one the login would be lost.
    async fn in_any_case(self) -> Result<Option<TokenResponse>, Error> {
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.spawn(self.run()).await.unwrap_or_else(|_| {
                let message = "the refresh was interrupted: try again";
                Err(Error::new(ErrorKind::Unavailable, message))
            }),
            // Without a runtime the request fails with its own error.
            Err(_) => self.run().await,
        }
    }

    async fn run(self) -> Result<Option<TokenResponse>, Error> {
        let tokens = self.request.clone().send().await?;
        let id_token = self.id_token(&tokens).await.inspect_err(|error| {
            telemetry::warn("refreshed OAuth2 tokens are rejected", error);
        })?;
        let tokens = tokens.with_id_token(id_token);
        let renewed = UserGrant::new(&self.client, tokens.clone()).to_text();
        match self.sessions.save_grant(&self.loaded, renewed.clone()).await {
            Err(error) if error.kind() == ErrorKind::Conflict => return Ok(None),
            Err(error) => {
                telemetry::warn("refreshed OAuth2 tokens could not be saved", &error);
                if is_outage(&error) {
                    tokio::spawn(keep_later(self.sessions, self.loaded, renewed));
                }
            }
            Ok(_) => {}
        }
        Ok(Some(tokens))
    }

    /// Returns the session's next ID token; always a verified one.
    async fn id_token(&self, tokens: &TokenResponse) -> Result<Option<Secret>, Error> {
        let (Some(new), Some(before), Some(verifier)) =
            (tokens.id_token(), &self.before, &self.verifier)
        else {
            return Ok(self.before.clone());
        };
        let client = &self.client;
        match client.verify_renewed_id_token(verifier, new, before).await {
            Ok(()) => Ok(Some(new.clone())),
            // The old refresh token may be used up: an outage must not end the login.
            Err(error) if is_outage(&error) => Ok(Some(before.clone())),
            Err(error) => Err(error),
        }
    }
}

/// Saves tokens once the store is back, in case no request still holds them then.
async fn keep_later(sessions: Sessions, loaded: Loaded, renewed: Secret) {
    for _ in 0..KEPT_LATER {
        tokio::time::sleep(Duration::from_secs(1)).await;
        match sessions.save_grant(&loaded, renewed.clone()).await {
            Err(error) if is_outage(&error) => {}
            // Saved, or the session has newer tokens or ended.
            _ => return,
        }
    }
}

fn is_outage(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Connection | ErrorKind::Storage
    )
}

fn granted(loaded: &Loaded, client: &OAuth2Client) -> Result<UserGrant, Error> {
    let grant = UserGrant::from_text(loaded.grant().ok_or_else(no_login)?)?;
    match grant.is_of(client) {
        true => Ok(grant),
        false => Err(no_login()),
    }
}

fn no_login() -> Error {
    Error::new(
        ErrorKind::MissingCredentials,
        "the session has no login at this provider: log in there first",
    )
}
