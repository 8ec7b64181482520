//! Where an issuer's keys are.

use super::fetch::{Fetch, Fetched};
use crate::core::error::{Error, ErrorKind};
use crate::core::http::checked_url;
use serde::Deserialize;

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
        let url = checked_url(self.place())?;
        if matches!(self, Self::Issuer(_)) && (url.query().is_some() || url.fragment().is_some()) {
            return Err(Error::configuration(
                "an issuer has no query and no fragment: give the exact text of its iss",
            ));
        }
        Ok(())
    }

    /// The key set's document.
    pub(crate) async fn fetch(&self, fetcher: &dyn Fetch) -> Result<Fetched, Error> {
        match self {
            Self::Url(url) => fetcher.fetch(url).await,
            Self::Issuer(issuer) => {
                let document = fetcher.fetch(&discovery_url(issuer)).await?.into_text()?;
                fetcher.fetch(&jwks_uri(issuer, &document)?).await
            }
        }
    }
}

/// OpenID Connect Discovery 1.0 section 4.
fn discovery_url(issuer: &str) -> String {
    format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    )
}

/// The document must speak for this very issuer, and name a place fit to fetch keys from.
fn jwks_uri(issuer: &str, document: &str) -> Result<String, Error> {
    #[derive(Deserialize)]
    struct Discovery {
        issuer: String,
        jwks_uri: String,
    }
    let found: Discovery = serde_json::from_str(document).map_err(|_| {
        Error::new(
            ErrorKind::UnexpectedBody,
            "the discovery document is not JSON with issuer and jwks_uri",
        )
    })?;
    if found.issuer != issuer {
        return Err(Error::new(
            ErrorKind::UnexpectedBody,
            "the discovery document names another issuer",
        ));
    }
    checked_url(&found.jwks_uri)?;
    Ok(found.jwks_uri)
}
