//! The introspection endpoint, configured or discovered.

use crate::core::http::HttpClient;
use crate::core::refreshing::{Fresh, Refreshing, Source};
use crate::core::{Clock, Error, ErrorKind};
use crate::jwks::discovery::Discovery;
use crate::jwks::fetch::Fetcher;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use url::Url;

const DEFAULT_AGE: Duration = Duration::from_secs(3600);
const MIN_AGE: Duration = Duration::from_secs(60);
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);
/// How long a document stays in use while it cannot be refreshed.
const MAX_STALE: Duration = Duration::from_secs(24 * 3600);

pub(super) enum Endpoint {
    Url(Url),
    Discovered(Refreshing<Discovered>),
}

/// How an endpoint was configured.
pub(super) enum Place {
    Url(String),
    Issuer(Discovery),
}

/// The endpoint that an issuer's metadata names.
pub(super) struct Discovered {
    discovery: Discovery,
    fetcher: Fetcher,
}

impl Source for Discovered {
    type Value = Url;
    const NAME: &'static str = "the discovery document";

    async fn fetch(self: Arc<Self>) -> Result<Fresh<Url>, Error> {
        #[derive(Deserialize)]
        struct Document {
            introspection_endpoint: String,
        }
        let metadata = self.discovery.fetch(&self.fetcher).await?;
        let found: Document = serde_json::from_str(&metadata.document).map_err(|_| {
            Error::new(
                ErrorKind::UnexpectedBody,
                "the discovery document names no introspection_endpoint: give its URL with \
                 Introspection::builder(…)",
            )
        })?;
        let url = self.discovery.reachable(&found.introspection_endpoint);
        let age = metadata.max_age.unwrap_or(DEFAULT_AGE).clamp(MIN_AGE, MAX_AGE);
        Ok(Fresh {
            value: self.fetcher.urls().check(&url)?,
            renew_after: age,
            usable_for: age + MAX_STALE,
        })
    }
}

impl Place {
    /// Returns the place with the URL at which its issuer is reached.
    pub(super) fn reached_at(self, url: Option<String>) -> Result<Self, Error> {
        match (self, url) {
            (Self::Issuer(discovery), Some(url)) => {
                Ok(Self::Issuer(Discovery { address: Some(url), ..discovery }))
            }
            (Self::Url(_), Some(_)) => Err(Error::configuration(
                "discover_at without discovery: use Introspection::discover(…), or give \
                 Introspection::builder(…) the URL at which the endpoint is reached",
            )),
            (place, None) => Ok(place),
        }
    }

    pub(super) fn endpoint(
        &self,
        http: &HttpClient,
        clock: Arc<dyn Clock>,
    ) -> Result<Endpoint, Error> {
        Ok(match self {
            Self::Url(url) => Endpoint::Url(http.urls().check(url)?),
            Self::Issuer(discovery) => {
                discovery.check(http.urls())?;
                let (discovery, fetcher) = (discovery.clone(), http.clone().into());
                Endpoint::Discovered(Refreshing::new(Discovered { discovery, fetcher }, clock))
            }
        })
    }

    pub(super) fn issuer(&self) -> Option<&str> {
        match self {
            Self::Url(_) => None,
            Self::Issuer(discovery) => Some(&discovery.issuer),
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Url(url) => url,
            Self::Issuer(discovery) => &discovery.issuer,
        }
    }
}

impl Endpoint {
    /// Returns the URL, from the discovery document if needed.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if the discovery document cannot be fetched or used.
    pub(super) async fn url(&self) -> Result<Url, Error> {
        match self {
            Self::Url(url) => Ok(url.clone()),
            Self::Discovered(found) => found.get().await.map_err(|error| {
                let message =
                    format!("the discovery of the introspection endpoint failed: {error}");
                Error::new(ErrorKind::Unavailable, message).with_source(error)
            }),
        }
    }
}
