//! Where an issuer's keys are.

use super::fetch::{Fetch, Fetched};
use crate::core::error::{Error, ErrorKind};
use crate::core::http::{checked_url, shown_url};
use crate::core::mismatch::mismatch;
use serde::Deserialize;
use std::borrow::Cow;
use std::time::Duration;

pub(crate) enum Location {
    Url(String),
    /// OpenID Connect Discovery 1.0: the issuer's document says where. It is read at each fetch,
    /// because keys move.
    Issuer(String),
}

impl Location {
    /// As the user gave it.
    pub(crate) fn place(&self) -> &str {
        match self {
            Self::Url(place) | Self::Issuer(place) => place,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Url(url) => checked_url(url).map(drop),
            Self::Issuer(issuer) => check_issuer(issuer),
        }
    }

    /// The key set's document.
    pub(crate) async fn fetch(&self, fetcher: &dyn Fetch) -> Result<Fetched, Error> {
        match self {
            Self::Url(url) => get(url, fetcher).await,
            Self::Issuer(issuer) => {
                let (document, _) = discover(issuer, fetcher).await?;
                let url = jwks_uri(&document).map_err(|error| at(&discovery_url(issuer), error))?;
                get(&url, fetcher).await
            }
        }
    }
}

async fn get(url: &str, fetcher: &dyn Fetch) -> Result<Fetched, Error> {
    fetcher.fetch(url).await.map_err(|error| at(url, error))
}

/// An error about what is at a URL.
pub(super) fn at(url: &str, error: Error) -> Error {
    error.map_message(|message| format!("{}: {message}", shown_url(url)))
}

/// Whether an issuer is one to discover from.
pub(crate) fn check_issuer(issuer: &str) -> Result<(), Error> {
    let url = checked_url(issuer)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::configuration(
            "an issuer has no query and no fragment: give the exact text of its iss",
        ));
    }
    Ok(())
}

/// OpenID Connect Discovery 1.0 section 4.
fn discovery_url(issuer: &str) -> String {
    format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    )
}

/// An issuer's discovery document, which speaks for this very issuer, and how long it is good for.
pub(crate) async fn discover(
    issuer: &str,
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
        match found.issuer == issuer {
            true => Ok((document, max_age)),
            false => Err(unexpected(format!(
                "the discovery document names another issuer: {}",
                mismatch(&[issuer], &[found.issuer])
            ))),
        }
    };
    read().map_err(|error| at(&url, error))
}

/// The place that the document names, if it is fit to fetch keys from.
fn jwks_uri(document: &str) -> Result<String, Error> {
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
