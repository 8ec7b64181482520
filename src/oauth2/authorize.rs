//! The authorization request, which starts a login.

use super::client::OAuth2Client;
use super::endpoints::is_own_parameter;
use super::exposed::Exposed;
use super::pending::{LOGIN_TIMEOUT, Parts, Pending};
use super::pkce::{Pkce, random_text};
use super::scopes::{check_scope, words};
use crate::core::{Error, ErrorKind, debug_fields};

/// A builder of a login, made by [`OAuth2Client::authorize`].
///
/// # Example
/// ```no_run
/// # use jamguard::{Error, oauth2::OAuth2Client};
/// # async fn example(google: OAuth2Client) -> Result<(), Error> {
/// let begun = google
///     .authorize()
///     .scopes(["openid", "email"])
///     .parameter("access_type", "offline")
///     .begin()
///     .await?;
/// println!("send the browser to {}", begun.url());
/// # Ok(()) }
/// ```
#[must_use = "does nothing until .begin()"]
#[derive(Clone)]
pub struct AuthorizationRequest {
    client: OAuth2Client,
    scopes: Option<Vec<String>>,
    parameters: Vec<(String, String)>,
}

impl OAuth2Client {
    /// Starts a login: an authorization request (RFC 6749 section 4.1.1) with PKCE (RFC 7636).
    pub fn authorize(&self) -> AuthorizationRequest {
        AuthorizationRequest { client: self.clone(), scopes: None, parameters: Vec::new() }
    }
}

impl AuthorizationRequest {
    /// Sets the scopes, instead of the client's own.
    ///
    /// A string may hold several, separated by spaces.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.scopes = Some(words(scopes));
        self
    }

    /// Adds a parameter, such as `prompt` or `login_hint`.
    ///
    /// Parameters that the client sets itself are rejected, and so are those that would replace
    /// them (`request`, `request_uri`, `response_mode`): `state` and PKCE cannot be overridden.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Returns the scopes to request: the client's own by default.
    fn wanted_scopes(&self) -> &[String] {
        self.scopes.as_deref().unwrap_or(&self.client.0.scopes)
    }

    /// Whether the login returns an ID token.
    pub(crate) fn asks_for_id_token(&self) -> bool {
        let is_oidc = self.client.0.provider.options.oidc;
        is_oidc && self.wanted_scopes().iter().any(|scope| scope == "openid")
    }

    /// Checks everything that does not depend on the provider.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for scope in self.scopes.iter().flatten() {
            check_scope(scope)?;
        }
        for (name, _) in &self.parameters {
            let again = self.parameters.iter().filter(|(other, _)| other == name);
            if is_own_parameter(name) || again.count() > 1 {
                return Err(taken(name));
            }
        }
        Ok(())
    }

    /// Starts the login with a new `state`, a new PKCE challenge, and a `nonce` for ID tokens.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] without a redirect URL, for an invalid scope, and for a
    /// parameter that is already set; [`ErrorKind::Unavailable`] if discovery fails, or if the
    /// provider has no authorization endpoint.
    pub async fn begin(self) -> Result<Authorization, Error> {
        self.check()?;
        let client = &self.client.0;
        let redirect_url = client.redirect_url.as_deref().ok_or_else(|| {
            Error::configuration("a login needs a redirect URL: call .redirect_url(…)")
        })?;
        let endpoints = client.directory.endpoints().await?;
        let pkce = Pkce::generate()?;
        let scopes = self.wanted_scopes();
        let nonce = self.asks_for_id_token().then(random_text).transpose()?;
        let pending = Pending(Parts {
            state: Exposed(random_text()?),
            verifier: Exposed(pkce.verifier().clone()),
            nonce: nonce.map(Exposed),
            provider: client.provider.name().to_owned(),
            client_id: client.client_id.clone(),
            sends_iss: endpoints.sends_iss,
            scopes: scopes.to_vec(),
            until: (client.clock.now() + LOGIN_TIMEOUT).as_secs(),
        });
        let mut url = endpoints.authorize.clone().ok_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                "cannot start a login: the provider's discovery document has no \
                 authorization_endpoint",
            )
        })?;
        for (name, _) in &self.parameters {
            if url.query_pairs().any(|(other, _)| *other == **name) {
                return Err(taken(name));
            }
        }
        let mut query = url.query_pairs_mut();
        query
            .append_pair("client_id", &client.client_id)
            .append_pair("redirect_uri", redirect_url)
            .append_pair("response_type", "code");
        if !scopes.is_empty() {
            query.append_pair("scope", &scopes.join(" "));
        }
        query
            .append_pair("state", pending.state().expose())
            .append_pair("code_challenge", &pkce.challenge())
            .append_pair("code_challenge_method", "S256");
        if let Some(nonce) = pending.nonce() {
            query.append_pair("nonce", nonce.expose());
        }
        query.extend_pairs(&self.parameters);
        drop(query);
        Ok(Authorization { url: url.into(), pending })
    }
}

/// Returns the error for a repeated parameter (RFC 6749 section 3.1).
fn taken(name: &str) -> Error {
    Error::configuration(format!(
        "the parameter '{name}' of the authorization request is already set: remove it"
    ))
}

debug_fields!(AuthorizationRequest, self, client = self.client, scopes = self.scopes);

/// A started login: the URL for the browser, and the state that the server keeps.
///
/// # Example
/// ```no_run
/// # use jamguard::{Error, Secret, oauth2::{OAuth2Client, Pending}};
/// # async fn example(client: OAuth2Client, callback_query: &str) -> Result<(), Error> {
/// let begun = client.authorize().begin().await?;
/// let (url, pending) = begun.into_parts();
/// let kept: Secret = pending.expose_json();        // in the browser's session on the server
///
/// // The callback arrives:
/// let pending = Pending::from_json(kept.expose())?;
/// let tokens = client.callback(pending, callback_query)?.send().await?;
/// # Ok(()) }
/// ```
#[must_use]
pub struct Authorization {
    url: String,
    pending: Pending,
}

impl Authorization {
    /// Returns the URL to redirect the browser to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the state to keep for the callback, on the server and bound to this browser.
    pub fn pending(&self) -> &Pending {
        &self.pending
    }

    /// Returns the URL and the state.
    pub fn into_parts(self) -> (String, Pending) {
        (self.url, self.pending)
    }
}

// Redacted: the URL contains the `state`.
debug_fields!(Authorization, self);
