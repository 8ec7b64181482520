//! The HTTP client for outgoing requests.
//!
//! Every request has a deadline, follows no redirects and reads a bounded body. Its URL passed a
//! [`UrlRule`].

use crate::core::error::{Error, ErrorKind};
use crate::core::network::{NetworkOptions, UrlRule};
use crate::core::settings::setters;
use crate::core::{sanitize::shown, secret::Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use std::time::Duration;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

/// The error of a server that requires its nonce in DPoP proofs.
pub(super) const USE_NONCE: &str = "use_dpop_nonce";

/// An outgoing request, with a limit on the response body.
pub(crate) struct HttpRequest {
    method: Method,
    url: Url,
    authorization: Option<Zeroizing<String>>,
    content: Option<(&'static str, Zeroizing<Vec<u8>>)>,
    accept: Option<&'static str>,
    /// The proof of possession (RFC 9449).
    pub(super) dpop: Option<String>,
    max_body: usize,
}

impl HttpRequest {
    fn new(method: Method, url: Url, max_body: usize) -> Self {
        Self { method, url, authorization: None, content: None, accept: None, dpop: None, max_body }
    }

    pub(crate) fn get(url: Url, max_body: usize) -> Self {
        Self::new(Method::GET, url, max_body)
    }

    pub(crate) fn post(url: Url, max_body: usize) -> Self {
        Self::new(Method::POST, url, max_body)
    }

    pub(crate) fn delete(url: Url, max_body: usize) -> Self {
        Self::new(Method::DELETE, url, max_body)
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.authorization("Bearer", token)
    }

    /// Sends id and secret of a client in the header, form-encoded first (RFC 6749 section 2.3.1).
    pub(crate) fn basic(self, client_id: &str, secret: &Secret) -> Self {
        self.authorization("Basic", &basic(client_id, secret))
    }

    setters! {
        pub(crate) fn authorization(scheme: &str, credential: &str) {
            self.authorization = Some(Zeroizing::new(format!("{scheme} {credential}")))
        }

        pub(crate) fn json(json: Vec<u8>) {
            self.content = Some(("application/json", Zeroizing::new(json)))
        }

        pub(crate) fn form(form: Zeroizing<Vec<u8>>) {
            self.content = Some(("application/x-www-form-urlencoded", form))
        }

        pub(crate) fn accept(types: &'static str) { self.accept = Some(types) }
    }
}

/// A response, with any status.
#[cfg_attr(not(feature = "oauth2"), allow(dead_code))]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    /// The URL for error texts, without parts that may be secret.
    pub(crate) place: String,
    /// `Cache-Control: max-age`.
    pub(crate) max_age: Option<Duration>,
    /// `Retry-After` in seconds; a date is ignored.
    pub(crate) retry_after: Option<Duration>,
    /// The content type without parameters.
    pub(crate) media_type: String,
    /// `DPoP-Nonce`.
    pub(crate) dpop_nonce: Option<String>,
    /// Whether `WWW-Authenticate` has the error `use_dpop_nonce`.
    pub(crate) challenge_asks_for_nonce: bool,
    /// `None` if it was too long, or if the body of an error response was cut off.
    pub(crate) body: Option<Zeroizing<Vec<u8>>>,
}

impl HttpAnswer {
    /// Returns whether the content type is this one, in lower case.
    pub(crate) fn is(&self, media_type: &str) -> bool {
        self.media_type == media_type
    }
}

/// Returns the credentials of a client for the `Basic` scheme.
pub(crate) fn basic(client_id: &str, secret: &Secret) -> Zeroizing<String> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encode(client_id), encode(secret.expose())));
    Zeroizing::new(STANDARD.encode(pair.as_bytes()))
}

#[derive(Clone, Debug)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
    urls: UrlRule,
}

impl HttpClient {
    /// Returns a client whose requests end after `timeout`, including connecting.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] for a network that cannot work.
    pub(crate) fn new(timeout: Duration, network: &NetworkOptions) -> Result<Self, Error> {
        let urls = network.urls()?;
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .user_agent(concat!("jamguard/", env!("CARGO_PKG_VERSION")));
        if network.has_authorities() {
            builder = builder.tls_certs_merge(authorities(&network.authorities()?)?);
        }
        let client = builder.build().map_err(|error| {
            let cause = match network.has_authorities() {
                true => "is each certificate of ca_file and ca_pem a certificate authority's?",
                false => "are trusted root certificates installed?",
            };
            Error::configuration(format!("the HTTP client cannot start: {cause}"))
                .with_source(error.without_url())
        })?;
        Ok(Self { client, urls })
    }

    /// Returns the rule for the URLs of requests.
    pub(crate) fn urls(&self) -> &UrlRule {
        &self.urls
    }

    pub(crate) async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, Error> {
        let mut outgoing = self.client.request(request.method, request.url);
        if let Some(authorization) = &request.authorization {
            let mut value = HeaderValue::from_str(authorization).map_err(|_| {
                Error::new(
                    ErrorKind::Malformed,
                    "a token contains characters that are invalid in a header; nothing was sent",
                )
            })?;
            // Keeps it out of the logs of lower layers.
            value.set_sensitive(true);
            outgoing = outgoing.header(AUTHORIZATION, value);
        }
        if let Some(proof) = &request.dpop {
            outgoing = outgoing.header("dpop", proof);
        }
        if let Some(types) = request.accept {
            outgoing = outgoing.header(ACCEPT, types);
        }
        if let Some((content_type, content)) = &request.content {
            outgoing = outgoing.header(CONTENT_TYPE, *content_type).body(content.to_vec());
        }
        let mut response = outgoing.send().await.map_err(transport)?;
        let status = response.status().as_u16();
        let max_age = text(response.headers(), CACHE_CONTROL).and_then(max_age);
        let retry_after = text(response.headers(), RETRY_AFTER)
            .and_then(|seconds| seconds.trim().parse().ok())
            .map(Duration::from_secs);
        let media_type = text(response.headers(), CONTENT_TYPE).map_or(String::new(), |found| {
            let (found, _) = found.split_once(';').unwrap_or((found, ""));
            found.trim().to_ascii_lowercase()
        });
        let dpop_nonce = response.headers().get("dpop-nonce").and_then(|nonce| nonce.to_str().ok());
        let dpop_nonce = dpop_nonce.map(str::to_owned);
        let challenge = text(response.headers(), WWW_AUTHENTICATE);
        let challenge_asks_for_nonce = challenge.is_some_and(|text| text.contains(USE_NONCE));
        let mut body = Some(Zeroizing::new(Vec::new()));
        loop {
            match (response.chunk().await, &mut body) {
                (Ok(None), _) => break,
                (Ok(Some(chunk)), Some(bytes)) if bytes.len() + chunk.len() <= request.max_body => {
                    bytes.extend_from_slice(&chunk);
                }
                (Err(error), _) if response.status().is_success() => return Err(transport(error)),
                // Too long, or an error response that was cut off: the status is still valid.
                _ => {
                    body = None;
                    break;
                }
            }
        }
        Ok(HttpAnswer {
            status,
            place: shown_url(response.url().as_str()),
            max_age,
            retry_after,
            media_type,
            dpop_nonce,
            challenge_asks_for_nonce,
            body,
        })
    }
}

/// Parses the certificates of a PEM text, which must contain at least one.
fn authorities(pem: &[u8]) -> Result<Vec<reqwest::Certificate>, Error> {
    match reqwest::Certificate::from_pem_bundle(pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::configuration(
            "ca_file or ca_pem holds no certificate: give blocks from BEGIN CERTIFICATE to END \
             CERTIFICATE",
        )),
    }
}

fn text(headers: &HeaderMap, name: reqwest::header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Converts a transport error and drops its URL, which may contain a refresh token.
fn transport(error: reqwest::Error) -> Error {
    let (kind, message) = if error.is_timeout() {
        (ErrorKind::Timeout, "the server did not answer in time")
    } else {
        (ErrorKind::Connection, "the connection failed")
    };
    Error::new(kind, message).with_source(error.without_url())
}

/// Parses `max-age`; `no-store` and `no-cache` give zero.
fn max_age(header: &str) -> Option<Duration> {
    let mut age = None;
    for directive in header.split(',').map(str::trim) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return Some(Duration::ZERO);
        }
        if name.eq_ignore_ascii_case("max-age") {
            age = value.trim_matches('"').parse().ok().map(Duration::from_secs);
        }
    }
    age
}

/// Returns a URL for error texts, without query and fragment.
///
/// It has no credentials: a [`UrlRule`] rejects them.
pub(crate) fn shown_url(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    shown(&url[..end])
}
