//! The token request.

use super::answer::{self, Asked, MAX_BODY};
use super::client::OAuth2Client;
use super::endpoints::SecretIn;
use super::pkce::Pkce;
use super::scopes::{check_scope, words};
use super::tokens::TokenResponse;
use crate::core::http::{HttpRequest, basic};
use crate::core::{Clock, Error, ErrorKind, Secret, debug_fields, sha256};
use std::sync::Arc;
use url::form_urlencoded;
use zeroize::Zeroizing;

/// A grant to be exchanged for tokens, made by the methods of [`OAuth2Client`].
///
/// Nothing is sent before [`send`](Self::send).
///
/// # Example
/// ```no_run
/// # use jamguard::{Error, Secret, oauth2::OAuth2Client};
/// # async fn example(client: OAuth2Client, device_code: Secret) -> Result<(), Error> {
/// let tokens = client
///     .grant("urn:ietf:params:oauth:grant-type:device_code")
///     .parameter("device_code", device_code)
///     .send()
///     .await?;
/// # Ok(()) }
/// ```
#[must_use = "does nothing until .send()"]
#[derive(Clone)]
pub struct TokenRequest {
    client: OAuth2Client,
    grant: Grant,
    /// In the order of sending.
    fields: Vec<(&'static str, Secret)>,
    scopes: Option<Vec<String>>,
    /// Scopes requested when the login started.
    before: Option<Vec<String>>,
    parameters: Vec<(String, Secret)>,
}

#[derive(Clone, PartialEq, Eq)]
enum Grant {
    Code,
    Refresh(Secret),
    ClientCredentials,
    Other(String),
}

impl Grant {
    fn name(&self) -> &str {
        match self {
            Self::Code => "authorization_code",
            Self::Refresh(_) => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::Other(name) => name,
        }
    }
}

impl OAuth2Client {
    /// Exchanges a code (RFC 6749 section 4.1.3) of a callback that was checked elsewhere.
    ///
    /// [`callback`](Self::callback) does both.
    pub fn exchange_code(&self, code: impl Into<Secret>, pkce: &Pkce) -> TokenRequest {
        let redirect_url = self.0.redirect_url.as_deref().unwrap_or_default();
        let fields = [
            ("code", code.into()),
            ("redirect_uri", Secret::new(redirect_url)),
            ("code_verifier", pkce.verifier().clone()),
        ];
        TokenRequest::new(self, Grant::Code, fields)
    }

    /// Refreshes tokens (RFC 6749 section 6).
    pub fn refresh(&self, refresh_token: impl Into<Secret>) -> TokenRequest {
        let token = refresh_token.into();
        let fields = [("refresh_token", token.clone())];
        TokenRequest::new(self, Grant::Refresh(token), fields)
    }

    /// Requests tokens for the client itself (RFC 6749 section 4.4).
    ///
    /// For calls to other services, [`token_source`](Self::token_source) caches them.
    pub fn client_credentials(&self) -> TokenRequest {
        TokenRequest::new(self, Grant::ClientCredentials, [])
    }

    /// Requests tokens with any other grant, by its `grant_type` (RFC 6749 section 4.5).
    ///
    /// Its fields are [`parameter`](TokenRequest::parameter)s.
    pub fn grant(&self, grant_type: impl Into<String>) -> TokenRequest {
        TokenRequest::new(self, Grant::Other(grant_type.into()), [])
    }
}

impl TokenRequest {
    fn new(
        client: &OAuth2Client,
        grant: Grant,
        fields: impl Into<Vec<(&'static str, Secret)>>,
    ) -> Self {
        Self {
            client: client.clone(),
            grant,
            fields: fields.into(),
            scopes: None,
            before: None,
            parameters: Vec::new(),
        }
    }

    pub(crate) fn granted_before(mut self, scopes: Vec<String>) -> Self {
        self.before = Some(scopes);
        self
    }

    /// Sets the scopes. A string may hold several, separated by spaces.
    ///
    /// Default: for client credentials the client's own scopes, otherwise the scopes granted
    /// before.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.scopes = Some(words(scopes));
        self
    }

    /// Adds a parameter, such as `audience` or `resource`.
    ///
    /// Parameters that the client sets itself are rejected.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Sends the request and returns the tokens.
    ///
    /// Refreshes with the same refresh token, concurrent or within ten seconds, are sent once and
    /// share the response: with rotation, a second use would look like theft.
    ///
    /// Redirects are not followed, the client's deadline covers the whole exchange, and at most 256
    /// KiB are read.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidGrant`] if the provider rejects the code or refresh token,
    /// [`ErrorKind::ClientRefused`] if it rejects the client or the request, both with the
    /// provider's [code](Error::oauth2_code), even with a status of 200;
    /// [`ErrorKind::UnexpectedStatus`], [`ErrorKind::UnexpectedBody`], [`ErrorKind::Timeout`],
    /// [`ErrorKind::Connection`], [`ErrorKind::Unavailable`] if the provider gave no decision;
    /// [`ErrorKind::Configuration`] for an invalid request.
    pub async fn send(self) -> Result<TokenResponse, Error> {
        self.check()?;
        let Grant::Refresh(token) = &self.grant else {
            return self.exchange().await;
        };
        let client = self.client.clone();
        let request = self.clone();
        let call = || async move { request.exchange().await };
        let refreshes = &client.0.refreshes;
        let now = client.0.now();
        // Retries after temporary failures and expired access tokens, but not if the response
        // rotated the refresh token.
        let lasts = |answer: &Result<TokenResponse, Error>| match answer {
            Ok(tokens) => {
                let rotated = tokens.refresh_token().is_some_and(|new| new != token);
                rotated || tokens.expires().is_none_or(|expires| now < expires)
            }
            Err(error) => error.kind() == ErrorKind::InvalidGrant,
        };
        let answer = refreshes.ask_detached(sha256(&*self.form(false)), call, lasts).await?;
        Ok(answer.or_refresh_token(token))
    }

    pub(super) fn client(&self) -> &OAuth2Client {
        &self.client
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        self.client.0.clock.clone()
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let refuse = |message: String| Err(Error::configuration(message));
        for scope in self.scopes.iter().flatten() {
            check_scope(scope)?;
        }
        match &self.grant {
            Grant::ClientCredentials if self.client.0.secret.is_none() => {
                return refuse(
                    "client credentials need a client secret (RFC 6749 section 4.4): call \
                     .secret(…)"
                        .into(),
                );
            }
            Grant::Code if self.client.0.redirect_url.is_none() => {
                return refuse("no redirect URL for the code: call .redirect_url(…)".into());
            }
            Grant::Other(name)
                if matches!(
                    &**name,
                    "" | "authorization_code" | "refresh_token" | "client_credentials"
                ) =>
            {
                return refuse(format!(
                    "the grant type '{name}' has its own method on OAuth2Client: use that method"
                ));
            }
            _ => {}
        }
        let own = ["client_id", "client_secret", "grant_type", "scope"];
        for (place, (name, _)) in self.parameters.iter().enumerate() {
            let fields = self.fields.iter().map(|(field, _)| *field);
            let taken = own.into_iter().chain(fields).any(|own| own.eq_ignore_ascii_case(name))
                || self.parameters[..place].iter().any(|(other, _)| other == name);
            if taken {
                return refuse(format!(
                    "the parameter '{name}' of the token request is already set: remove it"
                ));
            }
        }
        Ok(())
    }

    /// Returns the scopes to send, if any.
    fn wanted(&self) -> Option<&[String]> {
        match (&self.scopes, &self.grant) {
            (Some(scopes), _) => Some(scopes),
            (None, Grant::ClientCredentials) => Some(&self.client.0.scopes),
            (None, _) => None,
        }
    }

    /// Builds the form; with the id and secret if they do not go into the header.
    fn form(&self, with_client: bool) -> Zeroizing<Vec<u8>> {
        let client = &self.client.0;
        let mut form = form_urlencoded::Serializer::new(String::with_capacity(1024));
        if with_client {
            form.append_pair("client_id", &client.client_id);
            if let Some(secret) = &client.secret {
                form.append_pair("client_secret", secret.expose());
            }
        }
        for (name, value) in &self.fields {
            form.append_pair(name, value.expose());
        }
        form.append_pair("grant_type", self.grant.name());
        if let Some(scopes) = self.wanted().filter(|scopes| !scopes.is_empty()) {
            form.append_pair("scope", &scopes.join(" "));
        }
        for (name, value) in &self.parameters {
            form.append_pair(name, value.expose());
        }
        Zeroizing::new(form.finish().into_bytes())
    }

    async fn exchange(&self) -> Result<TokenResponse, Error> {
        self.client.0.in_time(self.ask()).await
    }

    async fn ask(&self) -> Result<TokenResponse, Error> {
        let client = &self.client.0;
        let endpoints = client.directory.endpoints().await?;
        let place = client.secret_in.or(endpoints.secret_in);
        let header = client
            .secret
            .as_ref()
            .filter(|_| place == Some(SecretIn::Header))
            .map(|secret| basic(&client.client_id, secret));
        let form = self.form(header.is_none());
        let request = || {
            let request = HttpRequest::post(endpoints.token.clone(), MAX_BODY)
                .accept("application/json")
                .form(form.clone());
            match &header {
                Some(header) => request.authorization("Basic", header),
                None => request,
            }
        };
        let sent = client.now();
        let answer = client.send_proven("POST", &endpoints.token, None, request).await?;
        let fields = self.fields.iter().map(|(_, value)| value);
        let parameters = self.parameters.iter().map(|(_, value)| value);
        let secrets = client.secret.iter().chain(fields).chain(parameters).map(Secret::expose);
        let scopes = self.wanted().or(self.before.as_deref());
        answer::tokens(
            &answer,
            &Asked {
                scopes: scopes.unwrap_or_default(),
                secrets: secrets.chain(header.as_ref().map(|h| h.as_str())).collect(),
                sent,
                comma: client.provider.comma,
                token_type: client.provider.options.token_type.as_deref(),
                dpop: client.dpop.is_some(),
            },
        )
    }
}

debug_fields!(TokenRequest, self, client = self.client, grant = self.grant.name());
