//! Metadata of an issuer: OpenID Connect discovery and RFC 8414.

use super::fetch::{Fetcher, at};
use crate::core::network::UrlRule;
use crate::core::{Error, ErrorKind, ensure, mismatch};
use crate::token::issuers::IssuerTemplate;
use serde_json::Value;
use std::{borrow::Cow, time::Duration};

/// An issuer whose metadata is published, and the address at which it is reached.
#[derive(Clone)]
pub(crate) struct Discovery {
    pub(crate) issuer: String,
    /// Replaces the issuer as the address. Default: the issuer itself.
    pub(crate) address: Option<String>,
    /// Templates of issuer families, which the metadata may name instead of the issuer.
    pub(crate) templates: Vec<IssuerTemplate>,
}

/// A metadata document of an issuer, and the lifetime that the issuer states.
pub(crate) struct Metadata {
    url: String,
    pub(crate) document: String,
    #[cfg_attr(not(feature = "oauth2"), expect(dead_code))]
    pub(crate) max_age: Option<Duration>,
}

/// Why a document is not used, and whether the issuer publishes no document at this place.
struct Unread {
    error: Error,
    is_absent: bool,
}

impl Discovery {
    pub(crate) fn of(issuer: impl Into<String>) -> Self {
        Self { issuer: issuer.into(), address: None, templates: Vec::new() }
    }

    /// Returns the URL that metadata is fetched from, without the well-known part.
    pub(crate) fn address(&self) -> &str {
        self.address.as_deref().unwrap_or(&self.issuer)
    }

    /// Checks that the address is a valid URL for discovery.
    pub(crate) fn check(&self, urls: &UrlRule) -> Result<(), Error> {
        ensure(
            !self.issuer.trim().is_empty(),
            "an empty issuer: give .discover(…) the exact text of the tokens' iss",
        )?;
        let url = urls.check(self.address())?;
        ensure(
            url.query().is_none() && url.fragment().is_none(),
            match self.address {
                None => {
                    "the issuer must have no query and no fragment: give the exact text of its iss"
                }
                Some(_) => "the URL of .discover_at(…) must have no query and no fragment",
            },
        )
    }

    /// Fetches the metadata, which must name this exact issuer.
    ///
    /// First from the URL of OpenID Connect Discovery 1.0 section 4, then, if there is no document,
    /// from that of RFC 8414 section 3.1. A document of another issuer is an error at both.
    pub(crate) async fn fetch(&self, fetcher: &Fetcher) -> Result<Metadata, Error> {
        let first = match self.read(&self.openid_url(), fetcher).await {
            Err(Unread { error, is_absent: true }) => error,
            answer => return answer.map_err(|unread| unread.error),
        };
        let answer = self.read(&self.oauth_url(fetcher)?, fetcher).await;
        answer.map_err(|Unread { error, is_absent }| match is_absent {
            true => first.map_message(|message| format!("{message}; {error}")),
            false => error,
        })
    }

    fn openid_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.address().trim_end_matches('/'))
    }

    /// Returns the URL with the well-known part between host and path.
    fn oauth_url(&self, fetcher: &Fetcher) -> Result<String, Error> {
        let mut url = fetcher.urls().check(self.address())?;
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
        Ok(url.into())
    }

    async fn read(&self, url: &str, fetcher: &Fetcher) -> Result<Metadata, Unread> {
        let fetched = fetcher.get(url).await.map_err(|error| Unread {
            is_absent: matches!(error.kind(), ErrorKind::UnexpectedStatus | ErrorKind::NotFound),
            error,
        })?;
        let unread = |is_absent, error| Unread { error: at(url, error), is_absent };
        let max_age = fetched.max_age;
        let document = fetched.into_text().map_err(|error| unread(true, error))?;
        // Some servers answer unknown paths with a page of HTML.
        let found: Value = serde_json::from_str(&document)
            .map_err(|_| unread(true, unexpected("the discovery document is not JSON")))?;
        match found["issuer"].as_str() {
            Some(issuer)
                if issuer == self.issuer
                    || self.templates.iter().any(|one| one.is_written_as(issuer)) =>
            {
                Ok(Metadata { url: url.to_owned(), document, max_age })
            }
            issuer => {
                let hint = match issuer.is_some_and(|issuer| issuer.contains('{')) {
                    true => "; a template is accepted only for a verifier with .issuer_family(…)",
                    false => "",
                };
                let templates = self.templates.iter().map(IssuerTemplate::text);
                let names: Vec<&str> = [&*self.issuer].into_iter().chain(templates).collect();
                let how = mismatch(&names, issuer.as_slice());
                let message = format!("the discovery document names another issuer: {how}{hint}");
                Err(unread(false, unexpected(message)))
            }
        }
    }

    /// Returns the URL at which an endpoint of the metadata is reached.
    ///
    /// With an address of its own, the issuer's part of the URL is replaced by the address.
    pub(crate) fn reachable<'a>(&self, url: &'a str) -> Cow<'a, str> {
        let below = |base: &str| {
            let rest = url.strip_prefix(base.trim_end_matches('/'))?;
            (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
        };
        match &self.address {
            Some(address) => match below(&self.issuer) {
                Some(rest) => format!("{}{rest}", address.trim_end_matches('/')).into(),
                None => url.into(),
            },
            None => url.into(),
        }
    }

    /// Returns the URL of the issuer's key set, if keys may be fetched from it.
    pub(crate) fn jwks_uri(&self, metadata: &Metadata, urls: &UrlRule) -> Result<String, Error> {
        let found: Value = serde_json::from_str(&metadata.document).unwrap_or_default();
        let url = found["jwks_uri"].as_str();
        let url = url.ok_or_else(|| {
            at(&metadata.url, unexpected("the discovery document has no jwks_uri"))
        })?;
        let url = self.reachable(url);
        urls.check(&url).map_err(|error| at(&metadata.url, error))?;
        Ok(url.into_owned())
    }
}

fn unexpected(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::UnexpectedBody, message)
}
