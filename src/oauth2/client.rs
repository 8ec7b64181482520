//! The client of one provider.

use super::answer::{self, MAX_BODY};
use super::dpop::ClientDpop;
use super::endpoints::{Directory, SecretIn};
use super::provider::Provider;
use super::tokens::TokenResponse;
use crate::core::http::{HttpAnswer, HttpClient, HttpRequest};
use crate::core::{
    Clock, Error, ErrorKind, Secret, debug_fields, hash::Sha256, millis,
    single_flight::SingleFlight,
};
use crate::token::verifier::Verifier;
use serde::de::DeserializeOwned;
use std::{future::Future, sync::Arc, time::Duration};

/// A client registered at an OAuth2 provider. Cheap to clone.
///
/// It performs logins of users, refreshes, and requests for its own tokens. Clones share
/// connections and refreshes.
///
/// Its requests need a tokio runtime with I/O and time, such as `#[tokio::main]`, axum or
/// actix-web. They use https only (http on loopback).
///
/// # Example
/// ```no_run
/// use jamguard::oauth2::{OAuth2Client, Provider};
///
/// # async fn example(query: &str) -> Result<(), jamguard::Error> {
/// let github = OAuth2Client::builder(Provider::github(), "client id")
///     .secret("client secret")
///     .redirect_url("https://app.example/oauth2/github/callback")
///     .scopes(["read:user"])
///     .build()?;
///
/// // Send the browser to the provider, and keep the pending login:
/// let (url, pending) = github.authorize().begin().await?.into_parts();
///
/// // The provider redirects it to the redirect URL, with this query:
/// let tokens = github.callback(pending, query)?.send().await?;
///
/// // Later:
/// if let Some(refresh_token) = tokens.refresh_token() {
///     let tokens = github.refresh(refresh_token.clone()).send().await?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct OAuth2Client(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) provider: Provider,
    pub(super) directory: Directory,
    pub(super) client_id: String,
    pub(super) secret: Option<Secret>,
    pub(super) secret_in: Option<SecretIn>,
    /// Unparsed: the provider compares it character by character.
    pub(super) redirect_url: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) http: HttpClient,
    /// For one whole exchange, including discovery.
    pub(super) timeout: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) refreshes: SingleFlight<Sha256, TokenResponse>,
    /// `None` for a provider without OpenID Connect.
    pub(super) userinfo_verifier: Option<Verifier>,
    /// `None` for bearer tokens.
    pub(super) dpop: Option<ClientDpop>,
}

impl Inner {
    /// Unix milliseconds.
    pub(super) fn now(&self) -> u64 {
        millis(self.clock.now())
    }

    /// Runs the work with the client's deadline.
    pub(super) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let ended = tokio::time::timeout(self.timeout, work).await;
        ended.unwrap_or_else(|_| {
            let message = "the provider did not answer in time";
            Err(Error::new(ErrorKind::Timeout, message))
        })
    }
}

impl OAuth2Client {
    /// Returns the provider.
    pub fn provider(&self) -> &Provider {
        &self.0.provider
    }

    /// Returns the client id.
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// Returns the URL to which the provider redirects the browser.
    pub fn redirect_url(&self) -> Option<&str> {
        self.0.redirect_url.as_deref()
    }

    /// Fetches the userinfo of an access token (OpenID Connect Core 1.0 section 5.3).
    ///
    /// Signed userinfo (`application/jwt`) is verified like an ID token: with the provider's keys
    /// or the client's secret, and by its required `iss` and `aud`.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) if the provider has no
    /// userinfo endpoint, or if its userinfo is signed and the issuer is unknown;
    /// [`ErrorKind::UnexpectedBody`](crate::ErrorKind::UnexpectedBody) for signed userinfo that is
    /// encrypted, or not from the provider for this client; otherwise the errors of
    /// [`get_json`](Self::get_json).
    pub async fn userinfo<T: DeserializeOwned>(&self, access_token: &Secret) -> Result<T, Error> {
        let asked = async {
            let endpoints = self.0.directory.endpoints().await?;
            let url = endpoints.userinfo.as_ref().ok_or_else(|| {
                Error::configuration("no userinfo endpoint: call .userinfo(…) on the provider")
            })?;
            let accepted = "application/json, application/jwt";
            let answer = self.get(url.as_str(), access_token, accepted).await?;
            match (answer.is("application/jwt"), answer::body(&answer)?) {
                (false, json) => answer::decode(json),
                (true, token) => answer::decode(self.signed_userinfo(token).await?.as_bytes()),
            }
        };
        self.0.in_time(asked).await
    }

    /// Verifies signed userinfo and returns its claims.
    async fn signed_userinfo(&self, token: &[u8]) -> Result<String, Error> {
        let unexpected = |message: String| Error::new(ErrorKind::UnexpectedBody, message);
        let verifier = self.0.userinfo_verifier.as_ref().ok_or_else(|| {
            Error::configuration(
                "the provider's userinfo is signed, and its issuer is unknown: call .issuer(…) and \
                 .oidc() on the provider",
            )
        })?;
        let token = str::from_utf8(token).unwrap_or_default().trim();
        if token.split('.').count() == 5 {
            return Err(unexpected(
                "the provider's userinfo is encrypted, which is not supported: register the \
                 client without userinfo_encrypted_response_alg"
                    .to_owned(),
            ));
        }
        match verifier.verify(token).await {
            Ok(verified) => Ok(verified.raw_claims().to_owned()),
            Err(error) if error.kind() == ErrorKind::Unavailable => Err(error),
            // The provider is at fault, not the credential of the request.
            Err(error) => {
                Err(unexpected(format!("the provider's signed userinfo is invalid: {error}"))
                    .with_source(error))
            }
        }
    }

    /// Fetches JSON from the provider's API with an access token.
    ///
    /// The client's deadline and limits apply.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthorized`](crate::ErrorKind::Unauthorized) if the provider rejects the
    /// token (401), [`ErrorKind::ClaimsMismatch`](crate::ErrorKind::ClaimsMismatch) if the answer
    /// does not decode as `T`, [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a
    /// URL that is neither https nor loopback, and
    /// [`ErrorKind::UnexpectedStatus`](crate::ErrorKind::UnexpectedStatus),
    /// [`ErrorKind::UnexpectedBody`](crate::ErrorKind::UnexpectedBody),
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout),
    /// [`ErrorKind::Connection`](crate::ErrorKind::Connection),
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) for other failures.
    pub async fn get_json<T: DeserializeOwned>(
        &self,
        url: &str,
        access_token: &Secret,
    ) -> Result<T, Error> {
        let answer = self.get(url, access_token, "application/json").await?;
        answer::decode(answer::body(&answer)?)
    }

    async fn get(
        &self,
        url: &str,
        access_token: &Secret,
        accepted: &'static str,
    ) -> Result<HttpAnswer, Error> {
        let url = self.0.http.urls().check(url)?;
        let scheme = if self.0.dpop.is_some() { "DPoP" } else { self.0.provider.scheme };
        let request = || {
            HttpRequest::get(url.clone(), MAX_BODY)
                .accept(accepted)
                .authorization(scheme, access_token.expose())
        };
        self.0.send_proven("GET", &url, Some(access_token), request).await
    }
}

debug_fields!(OAuth2Client, self, provider = self.0.provider.name(), client_id = self.0.client_id);
