//! Tokens for calls of other services.

use super::request::TokenRequest;
use super::tokens::TokenResponse;
use crate::core::aging::{Aging, Fresh};
use crate::core::error::Error;
use crate::core::secret::Secret;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where the provider does not say how long a token is good.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);
const RENEWED_AHEAD: Duration = Duration::from_secs(60);
/// A call takes time to arrive, and clocks differ.
const MARGIN: Duration = Duration::from_secs(10);

/// Sets a [`TokenSource`] up, from [`OAuth2Client::token_source`](super::OAuth2Client::token_source).
///
/// # Example
/// ```
/// # use jamguard::{Error, oauth2::{OAuth2Client, TokenSource}};
/// # fn example(client: OAuth2Client) -> Result<TokenSource, Error> {
/// client
///     .token_source()
///     .scopes(["orders.read"])
///     .parameter("audience", "https://orders.example")
///     .build()
/// # }
/// ```
#[must_use]
#[derive(Debug)]
pub struct TokenSourceBuilder {
    request: TokenRequest,
}

impl TokenSourceBuilder {
    pub(super) fn new(request: TokenRequest) -> Self {
        Self { request }
    }

    /// What the tokens are for, instead of the client's own scopes.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.request = self.request.scopes(scopes);
        self
    }

    /// A parameter more, such as `audience` or `resource` (RFC 8707).
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.request = self.request.parameter(name, value);
        self
    }

    /// Builds it; nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a client without a secret,
    /// and for what cannot be asked.
    pub fn build(self) -> Result<TokenSource, Error> {
        self.request.check()?;
        Ok(TokenSource(Arc::new(Source {
            tokens: Aging::new(self.request.clock()),
            request: self.request,
        })))
    }
}

/// Access tokens by client credentials (RFC 6749 section 4.4), for calls of other services. Cheap to
/// clone; clones share the token.
///
/// A token is kept for all but the last minute of its life, or the last fifth where that is shorter.
/// Then the next is fetched in the background; one request at a time, which survives whoever asked.
/// While the provider is down the old one serves until ten seconds before it expires.
///
/// # Example
/// ```no_run
/// # use jamguard::{Error, oauth2::TokenSource};
/// # async fn example(orders: TokenSource) -> Result<(), Error> {
/// let token = orders.token().await?;
/// let header = format!("Bearer {}", token.expose());
/// // … and where the other service answers 401 all the same:
/// orders.forget(&token);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct TokenSource(Arc<Source>);

struct Source {
    request: TokenRequest,
    tokens: Aging<TokenResponse>,
}

impl TokenSource {
    /// An access token that is good for at least some seconds.
    ///
    /// # Errors
    /// As [`TokenRequest::send`]; for half a second after a failure the same again.
    pub async fn token(&self) -> Result<Secret, Error> {
        self.response()
            .await
            .map(|tokens| tokens.access_token().clone())
    }

    /// The whole answer that the token came with.
    ///
    /// # Errors
    /// As [`token`](Self::token).
    pub async fn response(&self) -> Result<TokenResponse, Error> {
        let fetch = || {
            let request = self.0.request.clone();
            async move {
                let tokens = request.send().await?;
                let lifetime = tokens.expires_in().unwrap_or(DEFAULT_LIFETIME);
                Ok(Fresh {
                    value: tokens,
                    renew_after: lifetime - RENEWED_AHEAD.min(lifetime / 5),
                    usable_for: lifetime - MARGIN.min(lifetime / 10),
                })
            }
        };
        self.0.tokens.get(fetch).await
    }

    /// Fetches anew the next time, if this token is the one that is kept: it was refused where it
    /// was used.
    pub fn forget(&self, token: &Secret) {
        self.0.tokens.forget_if(|kept| kept.access_token() == token);
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("request", &self.0.request)
            .finish_non_exhaustive()
    }
}
