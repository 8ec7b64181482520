//! The tokens of an OAuth2 login, which its session keeps.

use super::data::SessionData;
use super::handle::Session;
use crate::authenticator::gate::Authenticator;
use crate::core::error::{Error, ErrorKind};
use crate::core::secret::Secret;
use crate::core::telemetry;
use crate::oauth2::{OAuth2Client, TokenRequest, TokenResponse, UserGrant};
use crate::session::{Loaded, Sessions};
use crate::token::verifier::Verifier;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// Another process may be faster with a refresh; that it is so again and again means something else.
const ATTEMPTS: usize = 5;
/// So long it may take the faster one to put what it got into the session, before each further look.
const PAUSE: Duration = Duration::from_millis(300);
/// So many seconds it is tried to put new tokens into a store that is down.
const KEPT_LATER: usize = 60;

/// What the ID tokens of logins that end in these sessions are verified by: of each provider's name
/// and client's id.
#[derive(Default)]
pub(super) struct IdTokens(RwLock<HashMap<(String, String), Verifier>>);

impl IdTokens {
    fn key(client: &OAuth2Client) -> (String, String) {
        let (provider, id) = (client.provider().name(), client.client_id());
        (provider.to_owned(), id.to_owned())
    }

    fn of(&self, client: &OAuth2Client) -> Option<Verifier> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&Self::key(client)).cloned()
    }
}

impl Authenticator {
    /// Verifies ID tokens by this also where a refresh brings them.
    pub(crate) fn renews_id_tokens(&self, client: &OAuth2Client, verifier: &Verifier) {
        if let Some(settings) = self.session_settings() {
            let known = &settings.id_tokens.0;
            let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
            known.insert(IdTokens::key(client), verifier.clone());
        }
    }
}

impl<T: SessionData> Session<T> {
    /// The tokens of the OAuth2 login that this session began with, as they were when the request
    /// came. [`fresh_oauth2_tokens`](Self::fresh_oauth2_tokens) renews them where that is due.
    pub fn oauth2_tokens(&self) -> Option<TokenResponse> {
        let state = self.visit.state();
        let grant = UserGrant::from_text(state.found.live()?.grant()?);
        grant.ok().map(|grant| grant.tokens)
    }

    /// The tokens of the OAuth2 login at this client's provider, for calls on the user's behalf: with
    /// an access token that is good for at least some seconds.
    ///
    /// In the last minute of its life, or the last fifth where that is shorter, it is refreshed, once
    /// however many requests ask, and the session keeps the new tokens, also where the request is
    /// given up meanwhile, or the store is down for up to a minute. While the provider is down the
    /// old one serves until it expires.
    ///
    /// An ID token that comes along is verified as the login's was, and must be of the same user and
    /// client, and no older (OpenID Connect Core 1.0 section 12.2); otherwise the whole answer is
    /// refused, because its access token may be another user's too. The one from before stays where
    /// none comes, while the provider's keys cannot be had, and where this authenticator has no
    /// [`OAuth2Login`](crate::OAuth2Login) of the client that ends in its sessions.
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
    /// [`ErrorKind::MissingCredentials`] where the session is of no login at that provider,
    /// [`ErrorKind::Expired`] where the access token is and there is no refresh token,
    /// [`ErrorKind::InvalidGrant`] where the refresh token is not accepted: a new login is needed.
    /// Those of [`Verifier::verify`](crate::Verifier::verify) for an ID token that is not the login's.
    /// Otherwise as [`TokenRequest::send`](crate::oauth2::TokenRequest::send), and those of the store.
    pub async fn fresh_oauth2_tokens(&self, client: &OAuth2Client) -> Result<TokenResponse, Error> {
        let sessions = &self.visit.settings.sessions;
        let found = self.visit.found_alone().await?.ok_or_else(no_login)?;
        let mut refused: Option<(Secret, Error)> = None;
        for attempt in 1..=ATTEMPTS {
            // Another request may have refreshed since this one came.
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
                        "the access token is expired, and there is no refresh token: log in anew",
                    )),
                };
            };
            // Of a refresh token that is used up the provider says the same as of a dead one.
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
                verifier: self.visit.settings.id_tokens.of(client),
            };
            match renewal.in_any_case().await {
                Ok(Some(tokens)) => return Ok(tokens),
                Ok(None) => refused = None,
                // Perhaps another process was faster: the session says so, now or in a moment.
                Err(error) if error.kind() == ErrorKind::InvalidGrant => {
                    refused = Some((refresh_token.clone(), error));
                }
                Err(_) if !expired => return Ok(grant.tokens),
                Err(error) => return Err(error),
            }
        }
        Err(crate::session::too_busy())
    }
}

/// A refresh of a session's tokens.
struct Renewal {
    sessions: Sessions,
    loaded: Loaded,
    client: OAuth2Client,
    request: TokenRequest,
    /// The ID token that the session has.
    before: Option<Secret>,
    /// What another one is verified by.
    verifier: Option<Verifier>,
}

impl Renewal {
    /// New tokens, which the session keeps; `None` where it got others meanwhile.
    ///
    /// Whoever asked may be gone before the provider answers. By then rotation has used the old
    /// refresh token up, and without the new one the login would be over.
    async fn in_any_case(self) -> Result<Option<TokenResponse>, Error> {
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.spawn(self.run()).await.unwrap_or_else(|_| {
                let message = "the refresh was interrupted";
                Err(Error::new(ErrorKind::Unavailable, message))
            }),
            // It says so itself.
            Err(_) => self.run().await,
        }
    }

    async fn run(self) -> Result<Option<TokenResponse>, Error> {
        let tokens = self.request.clone().send().await?;
        let id_token = self.id_token(&tokens).await.inspect_err(|error| {
            telemetry::warn("refreshed OAuth2 tokens are not used", error);
        })?;
        let tokens = tokens.with_id_token(id_token);
        let renewed = UserGrant::new(&self.client, tokens.clone()).to_text();
        match self
            .sessions
            .save_grant(&self.loaded, renewed.clone())
            .await
        {
            Err(error) if error.kind() == ErrorKind::Conflict => return Ok(None),
            Err(error) => {
                telemetry::warn("refreshed OAuth2 tokens could not be kept", &error);
                if is_outage(&error) {
                    tokio::spawn(keep_later(self.sessions, self.loaded, renewed));
                }
            }
            Ok(_) => {}
        }
        Ok(Some(tokens))
    }

    /// The ID token that the session has from now on: one that was verified, always.
    async fn id_token(&self, tokens: &TokenResponse) -> Result<Option<Secret>, Error> {
        let (Some(new), Some(before), Some(verifier)) =
            (tokens.id_token(), &self.before, &self.verifier)
        else {
            return Ok(self.before.clone());
        };
        let client = &self.client;
        match client.verify_renewed_id_token(verifier, new, before).await {
            Ok(()) => Ok(Some(new.clone())),
            // Nobody knows, and the old refresh token may be used up: that must end no login.
            Err(error) if is_outage(&error) => Ok(Some(before.clone())),
            Err(error) => Err(error),
        }
    }
}

/// Keeps tokens as soon as the store is back: the next request may come when nobody else has them
/// any more.
async fn keep_later(sessions: Sessions, loaded: Loaded, renewed: Secret) {
    for _ in 0..KEPT_LATER {
        tokio::time::sleep(Duration::from_secs(1)).await;
        match sessions.save_grant(&loaded, renewed.clone()).await {
            Err(error) if is_outage(&error) => {}
            // Kept, or of no use: the session has others, or is over.
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
        "the session is of no login at this provider",
    )
}
