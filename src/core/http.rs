//! Outgoing HTTP: deadlines, no redirects, bounded bodies, https except on loopback.

use crate::core::error::{Error, ErrorKind};
use reqwest::Method;
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE};
use std::net::IpAddr;
use std::time::Duration;
use url::{Host, Url};

/// An answer of the other side, whatever its status.
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    /// `Cache-Control: max-age`.
    pub(crate) max_age: Option<Duration>,
    /// `None` where it was longer than allowed, or a refusal's did not arrive whole.
    pub(crate) body: Option<Vec<u8>>,
}

#[derive(Clone, Debug)]
pub(crate) struct HttpClient(reqwest::Client);

impl HttpClient {
    /// A client whose every request ends after `timeout`, connecting included.
    pub(crate) fn new(timeout: Duration) -> Result<Self, Error> {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .user_agent(concat!("jamguard/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Self)
            .map_err(|error| {
                Error::configuration(
                    "the HTTP client cannot start: is there a set of trusted root certificates?",
                )
                .with_source(error.without_url())
            })
    }

    /// Sends one request; reads at most `max_body` bytes of the answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: Url,
        bearer: Option<&str>,
        json: Option<Vec<u8>>,
        max_body: usize,
    ) -> Result<HttpAnswer, Error> {
        let mut request = self.0.request(method, url);
        if let Some(token) = bearer {
            request = request.bearer_auth(token);
        }
        if let Some(json) = json {
            request = request.header(CONTENT_TYPE, "application/json").body(json);
        }
        let mut response = request.send().await.map_err(transport)?;
        let status = response.status().as_u16();
        let max_age = response
            .headers()
            .get(CACHE_CONTROL)
            .and_then(|value| value.to_str().ok())
            .and_then(max_age);
        let mut body = Some(Vec::new());
        loop {
            match (response.chunk().await, &mut body) {
                (Ok(None), _) => break,
                (Ok(Some(chunk)), Some(bytes)) if bytes.len() + chunk.len() <= max_body => {
                    bytes.extend_from_slice(&chunk);
                }
                (Err(error), _) if response.status().is_success() => return Err(transport(error)),
                // A refusal is one, even where its words are cut off.
                _ => {
                    body = None;
                    break;
                }
            }
        }
        Ok(HttpAnswer {
            status,
            max_age,
            body,
        })
    }
}

/// The URL may hold a refresh token, so it stays out of the message.
fn transport(error: reqwest::Error) -> Error {
    let (kind, message) = if error.is_timeout() {
        (ErrorKind::Timeout, "the other side did not answer in time")
    } else {
        (ErrorKind::Connection, "the connection failed")
    };
    Error::new(kind, message).with_source(error.without_url())
}

/// `no-store` and `no-cache` count as an age of nothing.
fn max_age(header: &str) -> Option<Duration> {
    let mut age = None;
    for directive in header.split(',').map(str::trim) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return Some(Duration::ZERO);
        }
        if name.eq_ignore_ascii_case("max-age") {
            age = value
                .trim_matches('"')
                .parse()
                .ok()
                .map(Duration::from_secs);
        }
    }
    age
}

/// A URL that credentials may be sent to: https, or http on this machine's loopback.
pub(crate) fn checked_url(text: &str) -> Result<Url, Error> {
    let refuse = |message: String| Err(Error::configuration(message));
    let Ok(url) = Url::parse(text) else {
        return refuse(format!(
            "'{text}' is not a URL: give a whole one, https://…"
        ));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("a URL must not hold a user name or password".into());
    }
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::from(ip).is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        "http" => refuse(format!(
            "'{text}' is plain http: use https (http is for loopback addresses only)"
        )),
        _ => refuse(format!(
            "'{text}' is not an https URL: give a whole one, https://…"
        )),
    }
}
