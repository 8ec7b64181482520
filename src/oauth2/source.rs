//! Cached access tokens for calls to other services.

use super::client::OAuth2Client;
use super::request::TokenRequest;
use super::tokens::TokenResponse;
use crate::core::refreshing::{Fresh, Refreshing, Source};
use crate::core::{Error, Secret, debug_fields};
use std::{sync::Arc, time::Duration};

/// Used if the provider sends no lifetime.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);
const RENEWED_AHEAD: Duration = Duration::from_secs(60);
/// Covers the transit time of a call and clock differences.
const MARGIN: Duration = Duration::from_secs(10);

/// A builder of a [`TokenSource`].
///
/// Made by [`OAuth2Client::token_source`](super::OAuth2Client::token_source).
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

impl OAuth2Client {
    /// Returns a builder for cached access tokens by client credentials.
    ///
    /// They are for calls to other services.
    pub fn token_source(&self) -> TokenSourceBuilder {
        TokenSourceBuilder { request: self.client_credentials() }
    }
}

impl TokenSourceBuilder {
    /// Sets the scopes, instead of the client's own.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.request = self.request.scopes(scopes);
        self
    }

    /// Adds a parameter, such as `audience` or `resource` (RFC 8707).
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.request = self.request.parameter(name, value);
        self
    }

    /// Builds the source; sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a client without a secret,
    /// and for an invalid scope or parameter.
    pub fn build(self) -> Result<TokenSource, Error> {
        self.request.check()?;
        let clock = self.request.clock();
        Ok(TokenSource(Refreshing::new(self.request, clock)))
    }
}

/// A cache of access tokens by client credentials (RFC 6749 section 4.4). Cheap to clone.
///
/// For calls to other services. Clones share the token.
///
/// A token is renewed in its last minute, or in the last fifth of its lifetime if that is shorter.
/// Renewal runs in the background, one request at a time, and survives the cancellation of the
/// caller. While the provider is down, the old token is used until ten seconds before it expires
/// (or a tenth of its lifetime, if that is shorter).
///
/// # Example
/// ```no_run
/// # use jamguard::{Error, oauth2::TokenSource};
/// # async fn example(orders: TokenSource) -> Result<(), Error> {
/// let token = orders.token().await?;
/// let header = format!("Bearer {}", token.expose());
/// // If the other service answers 401 nevertheless:
/// orders.forget(&token);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct TokenSource(Refreshing<TokenRequest>);

impl Source for TokenRequest {
    type Value = TokenResponse;
    const NAME: &'static str = "the access token";

    async fn fetch(self: Arc<Self>) -> Result<Fresh<TokenResponse>, Error> {
        let tokens = TokenRequest::clone(&self).send().await?;
        let lifetime = tokens.expires_in().unwrap_or(DEFAULT_LIFETIME);
        Ok(Fresh {
            value: tokens,
            renew_after: lifetime - RENEWED_AHEAD.min(lifetime / 5),
            usable_for: lifetime - MARGIN.min(lifetime / 10),
        })
    }
}

impl TokenSource {
    /// Returns an access token that is valid for at least a few seconds.
    ///
    /// # Errors
    /// The errors of [`TokenRequest::send`]; for half a second after a failure the same error
    /// again.
    pub async fn token(&self) -> Result<Secret, Error> {
        self.response().await.map(|tokens| tokens.access_token().clone())
    }

    /// Returns the whole response that the token came with.
    ///
    /// # Errors
    /// The errors of [`token`](Self::token).
    pub async fn response(&self) -> Result<TokenResponse, Error> {
        self.0.get().await
    }

    fn client(&self) -> &OAuth2Client {
        self.0.source().client()
    }

    /// Discards the token if it is the cached one, because a service rejected it.
    ///
    /// The next call fetches a new token.
    pub fn forget(&self, token: &Secret) {
        self.0.forget_if(|kept| kept.access_token() == token);
    }

    /// Returns a DPoP proof for a call with a token of this source, as
    /// [`OAuth2Client::dpop_proof`] does.
    ///
    /// ```no_run
    /// # use jamguard::{Error, oauth2::TokenSource};
    /// # async fn example(orders: TokenSource) -> Result<(), Error> {
    /// let url = "https://orders.example/orders";
    /// let token = orders.token().await?;
    /// let proof = orders.dpop_proof("GET", url, &token)?;
    /// // Authorization: DPoP <token>
    /// // DPoP: <proof>
    /// # let nonce: Option<&str> = None;
    /// if let Some(nonce) = nonce {            // the header DPoP-Nonce of the response
    ///     orders.remember_dpop_nonce(url, nonce);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The errors of [`OAuth2Client::dpop_proof`].
    pub fn dpop_proof(&self, method: &str, url: &str, token: &Secret) -> Result<String, Error> {
        self.client().dpop_proof(method, url, token)
    }

    /// Keeps a server's nonce, as [`OAuth2Client::remember_dpop_nonce`] does.
    pub fn remember_dpop_nonce(&self, url: &str, nonce: &str) {
        self.client().remember_dpop_nonce(url, nonce);
    }
}

debug_fields!(TokenSource, self, request = self.0.source());
