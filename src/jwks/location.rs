//! Key set location: a URL, or OpenID Connect discovery.

use super::fetch::{Fetch, FetchedDocument};
use crate::core::http::{checked_url, shown_url};
use crate::core::{Error, ErrorKind, ensure, mismatch};
use crate::jose::KeySet;
use crate::token::issuers::IssuerTemplate;
use serde::Deserialize;
use std::{borrow::Cow, future::Future, pin::Pin, time::Duration};

/// Where the keys of an issuer come from.
pub(crate) trait Location: Send + Sync + 'static {
    /// Returns the location as the application gave it.
    fn place(&self) -> &str;

    fn check(&self) -> Result<(), Error>;

    /// Fetches the keys.
    fn fetch<'a>(&'a self, fetcher: &'a dyn Fetch) -> KeysFuture<'a>;
}

/// A key set and the lifetime that the issuer states.
pub(crate) type Aged = (KeySet, Option<Duration>);

/// The fetch of a key set.
pub(crate) type KeysFuture<'a> = Pin<Box<dyn Future<Output = Result<Aged, Failure>> + Send + 'a>>;

/// The location of one published document.
pub(super) enum Published {
    Url(String),
    /// The discovery document names the URL (OpenID Connect Discovery 1.0). It is read at each
    /// fetch, because the URL may change. It names this issuer, or one of the templates.
    Issuer(String, Vec<IssuerTemplate>),
}

impl Location for Published {
    fn place(&self) -> &str {
        match self {
            Self::Url(place) | Self::Issuer(place, _) => place,
        }
    }

    fn check(&self) -> Result<(), Error> {
        match self {
            Self::Url(url) => checked_url(url).map(drop),
            Self::Issuer(issuer, _) => check_issuer(issuer),
        }
    }

    fn fetch<'a>(&'a self, fetcher: &'a dyn Fetch) -> KeysFuture<'a> {
        Box::pin(async move {
            let fetched = match self {
                Self::Url(url) => get(url, fetcher).await,
                Self::Issuer(issuer, templates) => published(issuer, templates, fetcher).await,
            };
            let fetched = fetched.map_err(Failure::fetching)?;
            let max_age = fetched.max_age;
            let keys = fetched.into_text().and_then(|text| KeySet::from_json(&text));
            let keys = keys.map_err(|error| Failure::unusable(self.place(), error))?;
            Ok((keys, max_age))
        })
    }
}

pub(crate) async fn get(url: &str, fetcher: &dyn Fetch) -> Result<FetchedDocument, Error> {
    fetcher.fetch(url).await.map_err(|error| at(url, error))
}

/// Prefixes the error message with the URL.
pub(super) fn at(url: &str, error: Error) -> Error {
    error.map_message(|message| format!("{}: {message}", shown_url(url)))
}

/// A failed attempt to get newer keys.
pub(crate) struct Failure {
    /// Log message.
    pub(crate) what: &'static str,
    pub(crate) error: Error,
}

impl Failure {
    pub(crate) fn fetching(error: Error) -> Self {
        let what = "a key set could not be fetched";
        Self { what, error }
    }

    /// Returns the failure for a document of `place` that was fetched but is unusable.
    pub(crate) fn unusable(place: &str, error: Error) -> Self {
        Self { what: "a key set was fetched but cannot be used", error: at(place, error) }
    }
}

/// Fetches the key set that the issuer's discovery document names.
async fn published(
    issuer: &str,
    templates: &[IssuerTemplate],
    fetcher: &dyn Fetch,
) -> Result<FetchedDocument, Error> {
    let (document, _) = discover_family(issuer, templates, fetcher).await?;
    let url = jwks_uri(&document).map_err(|error| at(&discovery_url(issuer), error))?;
    get(&url, fetcher).await
}

/// Checks that an issuer is a valid URL for discovery.
pub(crate) fn check_issuer(issuer: &str) -> Result<(), Error> {
    let url = checked_url(issuer)?;
    ensure(
        url.query().is_none() && url.fragment().is_none(),
        "the issuer must have no query and no fragment: give the exact text of its iss",
    )
}

/// Returns the discovery document's URL (OpenID Connect Discovery 1.0 section 4).
fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// Fetches an issuer's discovery document, which must name this exact issuer.
///
/// Also returns its stated lifetime, if any.
pub(crate) async fn discover(
    issuer: &str,
    fetcher: &dyn Fetch,
) -> Result<(String, Option<Duration>), Error> {
    discover_family(issuer, &[], fetcher).await
}

/// Fetches a discovery document, which must name this exact issuer or one of the templates.
async fn discover_family(
    issuer: &str,
    templates: &[IssuerTemplate],
    fetcher: &dyn Fetch,
) -> Result<(String, Option<Duration>), Error> {
    #[derive(Deserialize)]
    struct Discovery {
        issuer: String,
    }
    let url = discovery_url(issuer);
    let fetched = get(&url, fetcher).await?;
    let max_age = fetched.max_age;
    let read = || {
        let document = fetched.into_text()?;
        let found: Discovery = serde_json::from_str(&document)
            .map_err(|_| unexpected("the discovery document is not JSON with an issuer"))?;
        let is_template = || templates.iter().any(|one| one.is_written_as(&found.issuer));
        if found.issuer == issuer || is_template() {
            return Ok((document, max_age));
        }
        let hint = match found.issuer.contains('{') {
            true => "; a template is accepted only for a verifier with .issuer_family(…)",
            false => "",
        };
        let names: Vec<&str> =
            [issuer].into_iter().chain(templates.iter().map(IssuerTemplate::text)).collect();
        Err(unexpected(format!(
            "the discovery document names another issuer: {}{hint}",
            mismatch(&names, &[found.issuer])
        )))
    };
    read().map_err(|error| at(&url, error))
}

/// Returns the document's `jwks_uri` if keys may be fetched from it.
pub(crate) fn jwks_uri(document: &str) -> Result<String, Error> {
    #[derive(Deserialize)]
    struct Discovery {
        jwks_uri: String,
    }
    let found: Discovery = serde_json::from_str(document)
        .map_err(|_| unexpected("the discovery document has no jwks_uri"))?;
    checked_url(&found.jwks_uri)?;
    Ok(found.jwks_uri)
}

fn unexpected(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::UnexpectedBody, message)
}
