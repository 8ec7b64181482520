//! The introspection endpoint, configured or discovered.

use crate::core::http::{HttpClient, checked_url};
use crate::core::refreshing::{Fresh, Refreshing, Source};
use crate::core::{Clock, Error, ErrorKind};
use crate::jwks::fetch::HttpFetch;
use crate::jwks::location::{check_issuer, discover};
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
    Discovered(Refreshing<Discovery>),
}

/// How an endpoint was configured.
pub(super) enum Place {
    Url(String),
    Issuer(String),
}

pub(super) struct Discovery {
    issuer: String,
    fetch: HttpFetch,
}

impl Source for Discovery {
    type Value = Url;
    const NAME: &'static str = "the discovery document";

    async fn fetch(self: Arc<Self>) -> Result<Fresh<Url>, Error> {
        #[derive(Deserialize)]
        struct Document {
            introspection_endpoint: String,
        }
        let (document, max_age) = discover(&self.issuer, &self.fetch).await?;
        let found: Document = serde_json::from_str(&document).map_err(|_| {
            Error::new(
                ErrorKind::UnexpectedBody,
                "the discovery document names no introspection_endpoint: give its URL with \
                 Introspection::builder(…)",
            )
        })?;
        let age = max_age.unwrap_or(DEFAULT_AGE).clamp(MIN_AGE, MAX_AGE);
        Ok(Fresh {
            value: checked_url(&found.introspection_endpoint)?,
            renew_after: age,
            usable_for: age + MAX_STALE,
        })
    }
}

impl Place {
    pub(super) fn endpoint(
        &self,
        http: &HttpClient,
        clock: Arc<dyn Clock>,
    ) -> Result<Endpoint, Error> {
        Ok(match self {
            Self::Url(url) => Endpoint::Url(checked_url(url)?),
            Self::Issuer(issuer) => {
                check_issuer(issuer)?;
                let fetch = HttpFetch(http.clone());
                let discovery = Discovery { issuer: issuer.clone(), fetch };
                Endpoint::Discovered(Refreshing::new(discovery, clock))
            }
        })
    }

    pub(super) fn issuer(&self) -> Option<&str> {
        match self {
            Self::Url(_) => None,
            Self::Issuer(issuer) => Some(issuer),
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Url(name) | Self::Issuer(name) => name,
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
