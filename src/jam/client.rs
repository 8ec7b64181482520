//! REST client of JustAuthenticateMe (JAM).

use super::app::JamApp;
use super::base::{self, DEFAULT_BASE_URL};
use super::remote_token::RemoteToken;
use crate::core::http::{HttpAnswer, HttpClient, HttpRequest};
use crate::core::network::NetworkOptions;
use crate::core::settings::{Time, options, setters};
use crate::core::{Error, ErrorKind, Secret, debug_fields, ensure, quote::quoted};
use crate::jose::KeySet;
use crate::token::{verified::Verified, verifier::Verifier};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::{borrow::Cow, sync::Arc, time::Duration};
use url::Url;

const MAX_BODY: usize = 64 * 1024;
const MAX_KEY_SET: usize = 1024 * 1024;
/// Percent-encodes all but the unreserved characters of RFC 3986 section 2.3.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A client of the JustAuthenticateMe API for one app.
///
/// Cheap to clone; clones share their connections. The methods need a tokio runtime with I/O and
/// time enabled, such as the runtimes of `#[tokio::main]`, axum and actix-web.
///
/// # Errors
/// A request that JAM rejects yields a kind per status, with JAM's own text in [`Error::message`]:
/// [`BadRequest`](ErrorKind::BadRequest) (400), [`Unauthorized`](ErrorKind::Unauthorized) (401),
/// [`NotFound`](ErrorKind::NotFound) (404). Every method can also return
/// [`UnexpectedStatus`](ErrorKind::UnexpectedStatus) for any other status,
/// [`UnexpectedBody`](ErrorKind::UnexpectedBody) for a success response without the expected
/// content, [`Connection`](ErrorKind::Connection) and [`Timeout`](ErrorKind::Timeout).
///
/// # Example
/// ```no_run
/// # async fn f() -> Result<(), jamguard::Error> {
/// let jam = jamguard::JamClient::new("dcd6555e-edff-4f3d-83c9-3af79ea8f895")?;
/// jam.authenticate("ann@example.com").await?; // JAM mails the magic link
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct JamClient(Arc<Inner>);

struct Inner {
    /// Without a trailing slash.
    app_url: Url,
    /// Verifies ID tokens locally, against the app's keys.
    verifier: Verifier,
    http: HttpClient,
    legacy_paths: bool,
}

options! {
    /// The options of a client.
    #[derive(Debug)]
    JamClientOptions {
        /// Deadline of one operation of the client, including the connection. Default: 10 s.
        timeout: Time = Time(Duration::from_secs(10)),
        /// Deletes refresh tokens at the paths of older SDKs.
        legacy_paths: bool = false,
    }
}

/// A builder of a [`JamClient`].
///
/// # Example
/// ```
/// use jamguard::JamClient;
/// use std::time::Duration;
///
/// let jam = JamClient::builder("dcd6555e-edff-4f3d-83c9-3af79ea8f895")
///     .base_url("http://127.0.0.1:4000")
///     .timeout(Duration::from_secs(3))
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct JamClientBuilder {
    app_id: String,
    base_url: String,
    pub(crate) options: JamClientOptions,
}

impl JamClientBuilder {
    setters! {
        /// Sets JAM's base URL, with or without the app id at the end.
        ///
        /// Default: the hosted service, `https://api.justauthenticate.me`.
        pub fn base_url(url: impl Into<String>) { self.base_url = url.into() }

        /// Sets the deadline of one operation, including the connection. Default: 10 s.
        pub fn timeout(timeout: Duration) { self.options.timeout = Time(timeout) }

        /// Deletes refresh tokens at the paths of older SDKs.
        ///
        /// These are `refresh` and `refresh/{token}`. Default: off, which uses `user/refresh`.
        pub fn legacy_paths(legacy: bool) { self.options.legacy_paths = legacy }
    }

    /// Builds the client. Sends nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] with a message that says what to change.
    pub fn build(self) -> Result<JamClient, Error> {
        let JamClientOptions { timeout: Time(timeout), legacy_paths } = self.options;
        ensure(!timeout.is_zero(), "the timeout is zero: give .timeout(…) a few seconds")?;
        let app = JamApp::new(self.app_id.clone()).base_url(self.base_url.clone());
        Ok(JamClient(Arc::new(Inner {
            app_url: base::app_url(&self.base_url, &self.app_id)?,
            verifier: app.verifier()?,
            http: HttpClient::new(timeout, &NetworkOptions::default())?,
            legacy_paths,
        })))
    }
}

impl JamClient {
    /// Creates a client of the hosted service.
    ///
    /// # Errors
    /// Returns the errors of [`JamClientBuilder::build`].
    pub fn new(app_id: impl Into<String>) -> Result<Self, Error> {
        Self::builder(app_id).build()
    }

    /// Returns a builder with settings for service URL, timeout and paths.
    pub fn builder(app_id: impl Into<String>) -> JamClientBuilder {
        JamClientBuilder {
            app_id: app_id.into(),
            base_url: DEFAULT_BASE_URL.into(),
            options: JamClientOptions::default(),
        }
    }

    /// Verifies an ID token locally against the app's keys, fetching them on first use.
    ///
    /// # Errors
    /// [`ErrorKind::NotVerified`] with the reason as message and the precise error as source;
    /// [`ErrorKind::Unavailable`] if the keys cannot be fetched.
    pub async fn verify_token(&self, id_token: &str) -> Result<Verified, Error> {
        self.0.verifier.verify(id_token).await.map_err(|error| match error.kind() {
            ErrorKind::Unavailable => error,
            _ => Error::new(ErrorKind::NotVerified, error.message().to_owned()).with_source(error),
        })
    }

    pub(crate) fn issuer(&self) -> String {
        base::issuer(&self.0.app_url)
    }

    /// Makes JAM mail a magic link to this address.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] if the address is invalid, [`ErrorKind::NotFound`] if the app is
    /// unknown, and [the errors of every method](JamClient#errors).
    pub async fn authenticate(&self, email: &str) -> Result<(), Error> {
        let answer = self.post("authenticate", json!({ "email": email })).await?;
        check(&answer, 200, None, &[])
    }

    /// Fetches the app's public keys. The result is not cached.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the app is unknown, and [the errors of every
    /// method](JamClient#errors).
    pub async fn jwks(&self) -> Result<KeySet, Error> {
        let url = self.url(".well-known/jwks.json")?;
        let answer = self.0.http.send(HttpRequest::get(url, MAX_KEY_SET)).await?;
        check(&answer, 200, None, &[])?;
        body(&answer)
            .and_then(|body| KeySet::from_json(body).ok())
            .ok_or_else(|| unexpected_body("JAM's answer is not a key set with a usable key"))
    }

    /// Asks JAM whether an ID token is valid.
    ///
    /// The response status is the verdict; header and claims are decoded from the token. Request
    /// handlers should use [`verify_token`](Self::verify_token), which verifies locally.
    ///
    /// # Errors
    /// [`ErrorKind::NotVerified`] if JAM rejects the token, [`ErrorKind::BadRequest`],
    /// [`ErrorKind::NotFound`] if the app is unknown, [`ErrorKind::Malformed`] if JAM accepts a
    /// text that cannot be decoded as a token, and [the errors of every method](JamClient#errors).
    pub async fn verify_remote(&self, id_token: &str) -> Result<RemoteToken, Error> {
        let answer = self.post("verify", json!({ "idToken": id_token })).await?;
        check(&answer, 200, Some(ErrorKind::NotVerified), &[id_token])?;
        RemoteToken::decode(id_token)
    }

    /// Exchanges a refresh token for a new ID token.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] if the app forbids refresh, [`ErrorKind::Unauthorized`] if the
    /// refresh token is invalid or expired, [`ErrorKind::NotFound`] if the app is unknown, and [the
    /// errors of every method](JamClient#errors).
    pub async fn refresh(&self, refresh_token: &str) -> Result<Secret, Error> {
        let content = json!({ "refreshToken": refresh_token });
        let answer = self.post("refresh", content).await?;
        check(&answer, 200, Some(ErrorKind::Unauthorized), &[refresh_token])?;
        body(&answer)
            .and_then(|body| serde_json::from_str::<Value>(body).ok())
            .and_then(|body| body["idToken"].as_str().map(Secret::from))
            .filter(|token| !token.expose().is_empty())
            .ok_or_else(|| unexpected_body("JAM's answer contains no ID token"))
    }

    /// Deletes one refresh token of the ID token's user.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthorized`] if the ID token is invalid, [`ErrorKind::NotFound`] if the
    /// refresh token does not exist, [`ErrorKind::BadRequest`] if the text cannot be a refresh
    /// token (nothing is sent), and [the errors of every method](JamClient#errors).
    pub async fn delete_refresh_token(
        &self,
        id_token: &str,
        refresh_token: &str,
    ) -> Result<(), Error> {
        // As a path segment these would address all of the user's tokens.
        if matches!(refresh_token, "" | "." | "..") {
            let message = "the text is not a refresh token; nothing was sent";
            return Err(Error::new(ErrorKind::BadRequest, message));
        }
        let segment = utf8_percent_encode(refresh_token, SEGMENT).to_string();
        let path = format!("{}/{segment}", self.refresh_tokens());
        let secrets = [id_token, refresh_token, &segment];
        self.delete(&path, id_token, &secrets).await
    }

    /// Deletes all refresh tokens of the ID token's user.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthorized`] if the ID token is invalid, and [the errors of every
    /// method](JamClient#errors).
    pub async fn delete_all_refresh_tokens(&self, id_token: &str) -> Result<(), Error> {
        self.delete(self.refresh_tokens(), id_token, &[id_token]).await
    }

    fn refresh_tokens(&self) -> &'static str {
        if self.0.legacy_paths { "refresh" } else { "user/refresh" }
    }

    /// Appends `path`, which must already be percent-encoded, to the app's URL.
    fn url(&self, path: &str) -> Result<Url, Error> {
        Url::parse(&format!("{}/{path}", self.0.app_url))
            .map_err(|_| Error::new(ErrorKind::Internal, "the operation has no URL"))
    }

    async fn post(&self, path: &str, content: Value) -> Result<HttpAnswer, Error> {
        let content = content.to_string().into_bytes();
        let request = HttpRequest::post(self.url(path)?, MAX_BODY).json(content);
        self.0.http.send(request).await
    }

    async fn delete(&self, path: &str, id_token: &str, secrets: &[&str]) -> Result<(), Error> {
        // A text with other bytes cannot be sent in a header.
        if id_token.is_empty() || !id_token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "the text is not an ID token; nothing was sent";
            return Err(Error::new(ErrorKind::Unauthorized, message));
        }
        let request = HttpRequest::delete(self.url(path)?, MAX_BODY).bearer(id_token);
        let answer = self.0.http.send(request).await?;
        check(&answer, 204, Some(ErrorKind::Unauthorized), secrets)
    }
}

debug_fields!(JamClient, self, app_url = self.issuer());

/// Maps a response status other than `success` to an error.
///
/// `refused` is the kind for a 401, if the operation defines one; `secrets` are redacted in JAM's
/// message.
fn check(
    answer: &HttpAnswer,
    success: u16,
    refused: Option<ErrorKind>,
    secrets: &[&str],
) -> Result<(), Error> {
    let (kind, otherwise) = match (answer.status, refused) {
        (status, _) if status == success => return Ok(()),
        (400, _) => (ErrorKind::BadRequest, "JAM rejected the request as malformed or not allowed"),
        (401, Some(kind)) => (kind, "JAM rejected the token"),
        (404, _) => (ErrorKind::NotFound, "JAM does not know the app or the record"),
        (status, _) => {
            let message = format!("JAM answered with the unexpected status {status}");
            return Err(Error::new(ErrorKind::UnexpectedStatus, message));
        }
    };
    let message = || {
        let body = body(answer).filter(|body| body.len() <= MAX_BODY)?;
        let body: Value = serde_json::from_str(body).ok()?;
        quoted(body["message"].as_str()?, secrets)
    };
    Err(Error::new(kind, message().map_or(Cow::Borrowed(otherwise), Cow::Owned)))
}

fn body(answer: &HttpAnswer) -> Option<&str> {
    std::str::from_utf8(answer.body.as_deref()?).ok()
}

fn unexpected_body(message: &'static str) -> Error {
    Error::new(ErrorKind::UnexpectedBody, message)
}
