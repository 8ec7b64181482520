//! Key set location: a URL, or an issuer's metadata.

use super::discovery::Discovery;
use super::fetch::{FetchedDocument, Fetcher, at};
use crate::core::{Error, network::UrlRule};
use crate::jose::KeySet;
use std::{future::Future, pin::Pin, time::Duration};

/// Where the keys of an issuer come from.
pub(crate) trait Location: Send + Sync + 'static {
    /// Returns the location as the application gave it.
    fn place(&self) -> &str;

    /// Sets the address at which the issuer is reached.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for keys without discovery.
    fn reach_at(&mut self, _address: String) -> Result<(), Error> {
        Err(Error::configuration(NO_DISCOVERY))
    }

    /// Returns whether the keys' URL is found in metadata, at any host.
    fn is_discovered(&self) -> bool {
        true
    }

    fn check(&self, urls: &UrlRule) -> Result<(), Error>;

    /// Fetches the keys. Certificates must be valid at `now`, a Unix time.
    fn fetch<'a>(&'a self, fetcher: &'a Fetcher, now: Duration) -> KeysFuture<'a>;
}

const NO_DISCOVERY: &str = ".discover_at(…) is for RemoteKeySet::discover(…): give \
                            RemoteKeySet::builder(…) the address itself";

/// A key set and the lifetime that the issuer states.
pub(crate) type Aged = (KeySet, Option<Duration>);

/// The fetch of a key set.
pub(crate) type KeysFuture<'a> = Pin<Box<dyn Future<Output = Result<Aged, Failure>> + Send + 'a>>;

/// The location of one published document.
pub(super) enum Published {
    Url(String),
    /// The issuer's metadata names the URL. It is read at each fetch, because the URL may change.
    Issuer(Discovery),
}

impl Location for Published {
    fn place(&self) -> &str {
        match self {
            Self::Url(url) => url,
            Self::Issuer(discovery) => &discovery.issuer,
        }
    }

    fn reach_at(&mut self, address: String) -> Result<(), Error> {
        match self {
            Self::Url(_) => Err(Error::configuration(NO_DISCOVERY)),
            Self::Issuer(discovery) => {
                discovery.address = Some(address);
                Ok(())
            }
        }
    }

    fn is_discovered(&self) -> bool {
        matches!(self, Self::Issuer(_))
    }

    fn check(&self, urls: &UrlRule) -> Result<(), Error> {
        match self {
            Self::Url(url) => urls.check(url).map(drop),
            Self::Issuer(discovery) => discovery.check(urls),
        }
    }

    fn fetch<'a>(&'a self, fetcher: &'a Fetcher, now: Duration) -> KeysFuture<'a> {
        Box::pin(async move {
            let fetched = match self {
                Self::Url(url) => fetcher.get(url).await,
                Self::Issuer(discovery) => published(discovery, fetcher).await,
            };
            let fetched = fetched.map_err(Failure::fetching)?;
            let max_age = fetched.max_age;
            let keys = fetched.into_text().and_then(|text| KeySet::read(&text, Some(now)));
            let keys = keys.map_err(|error| Failure::unusable(self.place(), error))?;
            Ok((keys, max_age))
        })
    }
}

/// Fetches the key set that the issuer's metadata names.
async fn published(discovery: &Discovery, fetcher: &Fetcher) -> Result<FetchedDocument, Error> {
    let metadata = discovery.fetch(fetcher).await?;
    fetcher.get(&discovery.jwks_uri(&metadata, fetcher.urls())?).await
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
