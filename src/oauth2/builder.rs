//! The client builder, which validates the configuration.

use super::client::{Inner, OAuth2Client};
use super::dpop::ClientDpop;
use super::endpoints::{Directory, SecretIn};
use super::provider::Provider;
use super::provider_keys::USERINFO;
use super::scopes::{check_scope, words};
use crate::core::http::HttpClient;
use crate::core::network::{NetworkOptions, checked_url, network_methods};
use crate::core::settings::{Texts, Time, options, setters};
use crate::core::{
    Clock, Error, Secret, SystemClock, debug_fields, ensure, name::is_name,
    single_flight::SingleFlight,
};
use crate::token::dpop::DpopKey;
use std::{sync::Arc, time::Duration};

const MAX_TIMEOUT: Duration = Duration::from_secs(55);
/// Concurrent requests of one page still send the old refresh token: they share the new tokens.
const SHARED_FOR: Duration = Duration::from_secs(10);

options! {
    /// The options of a client.
    ClientOptions {
        /// Where id and secret are sent. Default: as in the discovery document, or else `body`.
        secret_in: Option<SecretIn> = None,
        /// URL to which the provider redirects browsers, exactly as registered there.
        redirect_url: Option<String> = None,
        /// Scopes of requests that name none.
        scopes: Texts = Texts::default(),
        /// Deadline of an exchange with the provider. Default: 10 s, at most 55 s.
        timeout: Time = Time(Duration::from_secs(10)),
    }
}

/// A builder of an [`OAuth2Client`].
///
/// # Example
/// ```
/// use jamguard::oauth2::{OAuth2Client, Provider};
/// use std::time::Duration;
///
/// let github = OAuth2Client::builder(Provider::github(), "client id")
///     .secret("client secret")
///     .redirect_url("https://app.example/oauth2/github/callback")
///     .scopes(["read:user"])
///     .timeout(Duration::from_secs(5))
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
pub struct OAuth2ClientBuilder {
    provider: Provider,
    client_id: String,
    secret: Option<Secret>,
    dpop_key: Option<DpopKey>,
    clock: Arc<dyn Clock>,
    pub(crate) network: NetworkOptions,
    pub(crate) options: ClientOptions,
}

impl OAuth2Client {
    /// Returns a builder for a client with this id, as issued by the provider.
    pub fn builder(provider: Provider, client_id: impl Into<String>) -> OAuth2ClientBuilder {
        OAuth2ClientBuilder {
            provider,
            client_id: client_id.into(),
            secret: None,
            dpop_key: None,
            clock: Arc::new(SystemClock),
            network: NetworkOptions::default(),
            options: ClientOptions::default(),
        }
    }
}

impl OAuth2ClientBuilder {
    setters! {
        /// Sets the client's secret. Default: none, which makes it a public client.
        pub fn secret(secret: impl Into<Secret>) { self.secret = Some(secret.into()) }

        /// Sets where the id and secret are sent.
        ///
        /// Default: as in the discovery document, or else in the body, which all built-in providers
        /// accept.
        pub fn secret_in(place: SecretIn) { self.options.secret_in = Some(place) }

        /// Sets the URL to which the provider redirects the browser; logins need it.
        ///
        /// It must equal the URL registered at the provider, character by character.
        pub fn redirect_url(url: impl Into<String>) { self.options.redirect_url = Some(url.into()) }

        /// Sets the scopes of requests that name none. A string may hold several, separated by
        /// spaces.
        pub fn scopes(scopes: impl IntoIterator<Item = impl AsRef<str>>) {
            self.options.scopes = Texts(words(scopes))
        }

        /// Sets the deadline of an exchange, including discovery and connecting.
        ///
        /// Default: 10 s. Maximum: 55 s.
        pub fn timeout(timeout: Duration) { self.options.timeout = Time(timeout) }

        /// Requests tokens that are bound to this key, with a proof in each request (DPoP, RFC
        /// 9449).
        ///
        /// A thief of such a token cannot use it. Token requests,
        /// [`get_json`](OAuth2Client::get_json) and [`userinfo`](OAuth2Client::userinfo) send
        /// proofs; [`dpop_proof`](OAuth2Client::dpop_proof) makes those of other calls. A provider
        /// that answers with bearer tokens is an error. Refresh tokens of a public client are bound
        /// too: keep the key for as long as them. Default: none.
        ///
        /// ```
        /// use jamguard::{DpopKey, oauth2::{OAuth2Client, Provider}};
        ///
        /// let client = OAuth2Client::builder(Provider::discover("ours", "https://id.example"), "client id")
        ///     .secret("client secret")
        ///     .dpop_key(DpopKey::generate()?)
        ///     .build()?;
        /// # Ok::<(), jamguard::Error>(())
        /// ```
        pub fn dpop_key(key: DpopKey) { self.dpop_key = Some(key) }
    }

    network_methods!();

    setters! {
        /// Sets the clock that decides when tokens expire. Default: the system clock.
        pub fn clock(clock: impl Clock) { self.clock = Arc::new(clock) }
    }

    /// Builds the client; sends nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<OAuth2Client, Error> {
        let ClientOptions { secret_in, redirect_url, scopes, timeout: Time(timeout) } =
            self.options;
        let scopes = words(scopes.0);
        ensure(
            !self.client_id.is_empty(),
            "the client id is empty: use the one that the provider issued",
        )?;
        ensure(
            self.secret.as_ref().is_none_or(|secret| !secret.expose().is_empty()),
            "the client secret is empty: omit it for a public client",
        )?;
        ensure(
            self.secret.is_some() || secret_in.is_none(),
            "secret_in is set without a secret: call .secret(…)",
        )?;
        ensure(
            !timeout.is_zero() && timeout <= MAX_TIMEOUT,
            "the timeout must be greater than 0 and at most 55 s",
        )?;
        ensure(
            is_name(self.provider.name(), 64),
            "a provider's name must be 1 to 64 ASCII letters, digits and - _ .",
        )?;
        if let Some(url) = &redirect_url {
            ensure(
                checked_url(url)?.fragment().is_none(),
                "the redirect URL has a fragment (RFC 6749 section 3.1.2)",
            )?;
            // URL parsers ignore them; the provider's comparison of the registered text does not.
            ensure(
                !url.chars().any(|c| c.is_whitespace() || c.is_control()),
                "the redirect URL must not contain whitespace or control characters: give it \
                 exactly as registered",
            )?;
        }
        for scope in &scopes {
            check_scope(scope)?;
        }
        ensure(
            self.provider.options.token_type.as_deref().is_none_or(|name| !name.trim().is_empty()),
            "the token_type is empty: call .token_type(…) with the one the provider sends",
        )?;
        ensure(
            self.provider.options.id_token_algorithms.as_ref().is_none_or(|all| !all.0.is_empty()),
            "the list of ID token algorithms is empty: give .id_token_algorithms([…]) those \
             that the provider signs with, or omit it",
        )?;
        let http = HttpClient::new(timeout, &self.network)?;
        let mut client = Inner {
            directory: Directory::new(&self.provider, http.clone().into(), self.clock.clone())?,
            provider: self.provider,
            client_id: self.client_id,
            secret: self.secret,
            secret_in,
            redirect_url,
            scopes,
            http,
            timeout,
            clock: self.clock,
            refreshes: SingleFlight::shared_for(SHARED_FOR),
            userinfo_verifier: None,
            dpop: self.dpop_key.map(ClientDpop::new),
        };
        if let Some(verifier) = client.verifier(USERINFO) {
            // Signed userinfo is a response and need not have a lifetime.
            let verifier = verifier.danger_accept_missing_exp().cache_bytes(0).build()?;
            client.userinfo_verifier = Some(verifier);
        }
        Ok(OAuth2Client(Arc::new(client)))
    }
}

debug_fields!(
    OAuth2ClientBuilder,
    self,
    provider = self.provider.name(),
    client_id = self.client_id
);
