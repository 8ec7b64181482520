//! A request to the token endpoint.

use super::answer::{self, Asked, MAX_BODY};
use super::authorize::words;
use super::builder::{SecretIn, check_scope};
use super::client::OAuth2Client;
use super::tokens::TokenResponse;
use crate::core::clock::Clock;
use crate::core::error::{Error, ErrorKind};
use crate::core::http::HttpRequest;
use crate::core::secret::Secret;
use crate::core::single_flight::secret_hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::sync::Arc;
use url::form_urlencoded;
use zeroize::Zeroizing;

/// A grant to be exchanged for tokens, from [`OAuth2Client`]'s methods. Nothing is sent before
/// [`send`](Self::send).
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
#[must_use = "nothing is sent before .send()"]
#[derive(Clone)]
pub struct TokenRequest {
    client: OAuth2Client,
    grant: Grant,
    /// In the order in which they are sent.
    fields: Vec<(String, Secret)>,
    scopes: Option<Vec<String>>,
    /// What was asked for where the login began.
    before: Option<Vec<String>>,
    parameters: Vec<(String, Secret)>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Grant {
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

impl TokenRequest {
    pub(super) fn new(
        client: &OAuth2Client,
        grant: Grant,
        fields: impl IntoIterator<Item = (&'static str, Secret)>,
    ) -> Self {
        let fields = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Self {
            client: client.clone(),
            grant,
            fields: fields.collect(),
            scopes: None,
            before: None,
            parameters: Vec::new(),
        }
    }

    pub(crate) fn granted_before(mut self, scopes: Vec<String>) -> Self {
        self.before = Some(scopes);
        self
    }

    /// What is asked for. Unless set: with client credentials the client's own scopes, otherwise
    /// what was granted before. A text may hold several.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.scopes = Some(words(scopes));
        self
    }

    /// A parameter more, such as `audience` or `resource`. Those that the client sets itself are
    /// refused.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Asks the provider. Of refreshes with one refresh token at the same time, or within ten
    /// seconds, one is sent and all get its answer: with rotation a second would be taken for theft.
    ///
    /// Redirects are not followed, the whole exchange ends by the client's deadline, and at most
    /// 256 KiB are read.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidGrant`] where the code or refresh token is not accepted,
    /// [`ErrorKind::ClientRefused`] where the client or the request is not, both with the
    /// provider's [code](Error::oauth2_code), also where it came with a status of 200;
    /// [`ErrorKind::UnexpectedStatus`], [`ErrorKind::UnexpectedBody`], [`ErrorKind::Timeout`],
    /// [`ErrorKind::Connection`], [`ErrorKind::Unavailable`] for what is no verdict;
    /// [`ErrorKind::Configuration`] for what cannot be asked.
    pub async fn send(self) -> Result<TokenResponse, Error> {
        self.check()?;
        let Grant::Refresh(token) = &self.grant else {
            return self.exchange().await;
        };
        let mut about = Zeroizing::new(String::new());
        let form = [("refresh_token", token)];
        let more = self.parameters.iter().map(|(name, value)| (&**name, value));
        for (name, value) in form.into_iter().chain(more) {
            about.push_str(&format!("{}:{name}={}:", name.len(), value.expose().len()));
            about.push_str(value.expose());
        }
        about.push_str(&self.scopes.as_deref().unwrap_or_default().join(" "));
        let client = self.client.clone();
        let request = self.clone();
        let call = || async move { request.exchange().await };
        let refreshes = &client.0.refreshes;
        let now = client.0.now();
        // What is only temporary is asked anew, and a token that is over; but not once the refresh
        // token was rotated away by it.
        let lasts = |answer: &Result<TokenResponse, Error>| match answer {
            Ok(tokens) => {
                let rotated = tokens.refresh_token().is_some_and(|new| new != token);
                rotated || tokens.expires().is_none_or(|expires| now < expires)
            }
            Err(error) => error.kind() == ErrorKind::InvalidGrant,
        };
        let answer = refreshes.ask(secret_hash(&about), call, lasts).await?;
        Ok(answer.or_refresh_token(token))
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
                    "client credentials are for clients with a secret (RFC 6749 section 4.4): call \
                     .secret(…)"
                        .into(),
                );
            }
            Grant::Code if self.client.0.redirect_url.is_none() => {
                return refuse("a code is of a login that came back: call .redirect_url(…)".into());
            }
            Grant::Other(name)
                if matches!(
                    &**name,
                    "" | "authorization_code" | "refresh_token" | "client_credentials"
                ) =>
            {
                return refuse(format!(
                    "the grant type '{name}' has a method of its own, which sends what belongs to it"
                ));
            }
            _ => {}
        }
        let own = ["client_id", "client_secret", "grant_type", "scope"];
        for (place, (name, _)) in self.parameters.iter().enumerate() {
            let fields = self.fields.iter().map(|(field, _)| &**field);
            let taken = own
                .into_iter()
                .chain(fields)
                .any(|own| own.eq_ignore_ascii_case(name))
                || self.parameters[..place]
                    .iter()
                    .any(|(other, _)| other == name);
            if taken {
                return refuse(format!(
                    "the parameter '{name}' of the token request is set already: leave it out"
                ));
            }
        }
        Ok(())
    }

    /// What is asked for, as far as it is sent.
    fn wanted(&self) -> Option<&[String]> {
        match (&self.scopes, &self.grant) {
            (Some(scopes), _) => Some(scopes),
            (None, Grant::ClientCredentials) => Some(&self.client.0.scopes),
            (None, _) => None,
        }
    }

    /// What is sent; id and secret where they do not go into the header.
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
        let mut request = HttpRequest::post(endpoints.token.clone(), MAX_BODY)
            .accept("application/json")
            .form(form);
        if let Some(header) = &header {
            request = request.authorization("Basic", header);
        }
        let sent = client.now();
        let answer = client.http.send(request).await?;
        let secrets = client.secret.iter();
        let secrets = secrets.chain(self.fields.iter().chain(&self.parameters).map(|(_, v)| v));
        let secrets = secrets.map(Secret::expose);
        let scopes = self.wanted().or(self.before.as_deref());
        answer::tokens(
            &answer,
            &Asked {
                scopes: scopes.unwrap_or_default(),
                secrets: secrets.chain(header.as_ref().map(|h| h.as_str())).collect(),
                sent,
                comma: client.provider.comma,
                token_type: client.provider.token_type.as_deref(),
            },
        )
    }
}

/// RFC 6749 section 2.3.1: both are encoded as in a form first.
fn basic(client_id: &str, secret: &Secret) -> Zeroizing<String> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encode(client_id), encode(secret.expose())));
    Zeroizing::new(STANDARD.encode(pair.as_bytes()))
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest")
            .field("client", &self.client)
            .field("grant", &self.grant.name())
            .finish_non_exhaustive()
    }
}
