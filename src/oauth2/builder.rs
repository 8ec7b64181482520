//! Sets a client up, and refuses what cannot work.

use super::authorize::words;
use super::client::{Inner, OAuth2Client};
use super::endpoints::Directory;
use super::provider::Provider;
use super::provider_keys::{Registration, USERINFO};
use crate::core::clock::{Clock, SystemClock};
use crate::core::error::Error;
use crate::core::http::{HttpClient, checked_url};
use crate::core::secret::Secret;
use crate::core::single_flight::SingleFlight;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_TIMEOUT: Duration = Duration::from_secs(55);
/// A page's other requests still carry the old refresh token: they get the same new one.
const SHARED_FOR: Duration = Duration::from_secs(10);

/// Where a client sends its id and secret (RFC 6749 section 2.3.1).
///
/// # Example
/// ```
/// use jamguard::oauth2::{OAuth2Client, Provider, SecretIn};
///
/// let client = OAuth2Client::builder(Provider::github(), "client id")
///     .secret("client secret")
///     .secret_in(SecretIn::Header)
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretIn {
    /// `client_secret_post`: members of the form.
    Body,
    /// `client_secret_basic`: the `Authorization` header.
    Header,
}

/// Sets an [`OAuth2Client`] up.
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
    secret_in: Option<SecretIn>,
    redirect_url: Option<String>,
    scopes: Vec<String>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl OAuth2ClientBuilder {
    pub(super) fn new(provider: Provider, client_id: String) -> Self {
        Self {
            provider,
            client_id,
            secret: None,
            secret_in: None,
            redirect_url: None,
            scopes: Vec::new(),
            timeout: DEFAULT_TIMEOUT,
            clock: Arc::new(SystemClock),
        }
    }

    /// The client's secret; without one it is a public client.
    pub fn secret(mut self, secret: impl Into<Secret>) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// Where id and secret are sent. Unless set: what the discovery document says, otherwise in
    /// the body, which all built-in providers take.
    pub fn secret_in(mut self, place: SecretIn) -> Self {
        self.secret_in = Some(place);
        self
    }

    /// Where the provider sends browsers back to: exactly as registered there, character by
    /// character. Needed for logins.
    pub fn redirect_url(mut self, url: impl Into<String>) -> Self {
        self.redirect_url = Some(url.into());
        self
    }

    /// What is asked for where a request names no scopes of its own. A text may hold several.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.scopes = words(scopes);
        self
    }

    /// How long an answer may take, discovery and connecting included; 10 s unless set, 55 s at
    /// most.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// By whose time tokens expire; the system's unless set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Builds the client; nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn build(self) -> Result<OAuth2Client, Error> {
        let refuse = |message: &'static str| Err(Error::configuration(message));
        if self.client_id.is_empty() {
            return refuse("an empty client id: give the one that the provider shows for the app");
        }
        if self
            .secret
            .as_ref()
            .is_some_and(|secret| secret.expose().is_empty())
        {
            return refuse("an empty client secret: leave it out for a public client");
        }
        if self.secret.is_none() && self.secret_in.is_some() {
            return refuse("where to send a secret is said, but no .secret(…)");
        }
        if self.timeout.is_zero() || self.timeout > MAX_TIMEOUT {
            return refuse("the timeout must be over nothing and at most 55 s");
        }
        check_provider_name(self.provider.name())?;
        if let Some(url) = &self.redirect_url {
            if checked_url(url)?.fragment().is_some() {
                return refuse("a redirect URL has no fragment (RFC 6749 section 3.1.2)");
            }
            // Who reads URLs overlooks them; who compares them letter by letter does not.
            if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
                return refuse(
                    "a redirect URL has no spaces and line ends, not even at its end: give it as \
                     it is registered",
                );
            }
        }
        for scope in &self.scopes {
            check_scope(scope)?;
        }
        if self
            .provider
            .token_type
            .as_deref()
            .is_some_and(|name| name.trim().is_empty())
        {
            return refuse(
                "an empty token_type: give .token_type(…) the one that the provider answers",
            );
        }
        if self
            .provider
            .id_token_algorithms
            .as_ref()
            .is_some_and(Vec::is_empty)
        {
            return refuse(
                "no algorithm of ID tokens: give .id_token_algorithms([…]) those that the provider \
                 signs with, or leave it out",
            );
        }
        let http = HttpClient::new(self.timeout)?;
        let registration = Registration {
            provider: &self.provider,
            client_id: &self.client_id,
            secret: self.secret.as_ref(),
            http: &http,
            clock: &self.clock,
        };
        let userinfo_verifier = registration.verifier(USERINFO).map(|verifier| {
            // Signed userinfo is an answer, and has no lifetime of its own.
            verifier.danger_accept_missing_exp().cache_bytes(0).build()
        });
        Ok(OAuth2Client(Arc::new(Inner {
            directory: Directory::new(&self.provider, http.clone(), self.clock.clone())?,
            provider: self.provider,
            client_id: self.client_id,
            secret: self.secret,
            secret_in: self.secret_in,
            redirect_url: self.redirect_url,
            scopes: self.scopes,
            http,
            timeout: self.timeout,
            clock: self.clock,
            refreshes: SingleFlight::shared_for(SHARED_FOR),
            userinfo_verifier: userinfo_verifier.transpose()?,
        })))
    }
}

fn check_provider_name(name: &str) -> Result<(), Error> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    match !name.is_empty() && name.len() <= 64 && name.bytes().all(fits) {
        true => Ok(()),
        false => Err(Error::configuration(
            "a provider's name is up to 64 letters, digits and - _ . in ASCII",
        )),
    }
}

/// RFC 6749 section 3.3.
pub(super) fn check_scope(scope: &str) -> Result<(), Error> {
    let fits = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    match !scope.is_empty() && scope.bytes().all(fits) {
        true => Ok(()),
        false => Err(Error::configuration(
            "a scope is one word of visible ASCII without quotation marks and backslashes: give \
             several as a list",
        )),
    }
}

impl fmt::Debug for OAuth2ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth2ClientBuilder")
            .field("provider", &self.provider.name())
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}
