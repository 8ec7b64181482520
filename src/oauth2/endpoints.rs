//! Endpoints of a provider, configured or discovered.

use super::provider::{Place, Provider};
use crate::core::network::UrlRule;
use crate::core::refreshing::{Fresh, Refreshing, Source};
use crate::core::{Clock, Error, ErrorKind, ensure};
use crate::jwks::{discovery, fetch::Fetcher};
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use url::Url;

const DEFAULT_AGE: Duration = Duration::from_secs(3600);
const MIN_AGE: Duration = Duration::from_secs(60);
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);
/// How long a document stays in use while it cannot be refreshed.
const MAX_STALE: Duration = Duration::from_secs(24 * 3600);

/// Parameters of the authorization request that only the client sets.
///
/// Including those that would replace them: request objects (RFC 9101 section 5), and
/// `response_mode`, which changes how the code is returned.
const OWN_PARAMETERS: [&str; 11] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "request",
    "request_uri",
    "response_mode",
];

/// Whether only the client may set a parameter; case-insensitive, because some servers are.
pub(super) fn is_own_parameter(name: &str) -> bool {
    OWN_PARAMETERS.iter().any(|own| own.eq_ignore_ascii_case(name))
}

pub(super) struct Endpoints {
    /// `None` if the server has no logins.
    pub(super) authorize: Option<Url>,
    pub(super) token: Url,
    pub(super) userinfo: Option<Url>,
    /// Whether a callback without `iss` is forged (RFC 9207 section 2.4).
    pub(super) sends_iss: bool,
    /// Where the server accepts the secret, if known.
    pub(super) secret_in: Option<SecretIn>,
}

pub(super) enum Directory {
    Known(Arc<Endpoints>),
    Discovered(Refreshing<Discovery>),
}

pub(super) struct Discovery {
    provider: Provider,
    metadata: discovery::Discovery,
    fetcher: Fetcher,
}

impl Source for Discovery {
    type Value = Arc<Endpoints>;
    const NAME: &'static str = "the discovery document";

    async fn fetch(self: Arc<Self>) -> Result<Fresh<Arc<Endpoints>>, Error> {
        let metadata = self.metadata.fetch(&self.fetcher).await?;
        let endpoints = self.read(&metadata.document)?;
        let age = metadata.max_age.unwrap_or(DEFAULT_AGE).clamp(MIN_AGE, MAX_AGE);
        Ok(Fresh { value: Arc::new(endpoints), renew_after: age, usable_for: age + MAX_STALE })
    }
}

impl Discovery {
    /// Parses a discovery document (RFC 8414 section 2).
    fn read(&self, document: &str) -> Result<Endpoints, Error> {
        #[derive(Deserialize)]
        struct Document {
            authorization_endpoint: Option<String>,
            token_endpoint: String,
            userinfo_endpoint: Option<String>,
            token_endpoint_auth_methods_supported: Option<Vec<String>>,
            authorization_response_iss_parameter_supported: Option<bool>,
            code_challenge_methods_supported: Option<Vec<String>>,
        }
        let unexpected = |message| Error::new(ErrorKind::UnexpectedBody, message);
        let found: Document = serde_json::from_str(document).map_err(|_| {
            unexpected(
                "the discovery document lacks token_endpoint, or one of its members has the wrong type",
            )
        })?;
        let (urls, provider) = (self.fetcher.urls(), &self.provider);
        // RFC 8414 section 2: absent if no supported grant uses it.
        let authorize = found.authorization_endpoint.as_deref();
        let authorize = authorize.map(|url| authorization_url(url, urls)).transpose()?;
        let methods = found.code_challenge_methods_supported.as_deref();
        let has_s256 = methods.is_none_or(|methods| methods.iter().any(|method| method == "S256"));
        if authorize.is_some() && !has_s256 {
            return Err(unexpected("the provider does not support PKCE with S256"));
        }
        let userinfo = match (&provider.options.userinfo, &found.userinfo_endpoint) {
            (Some(url), _) => Some(urls.check(url)?),
            (None, Some(url)) => Some(urls.check(&self.metadata.reachable(url))?),
            (None, None) => None,
        };
        // RFC 8414 section 2: the default is client_secret_basic.
        let takes = |name: &str| {
            let methods = found.token_endpoint_auth_methods_supported.as_deref();
            methods.is_none_or(|methods| methods.iter().any(|method| method == name))
        };
        Ok(Endpoints {
            authorize,
            token: without_fragment(&self.metadata.reachable(&found.token_endpoint), urls)?,
            userinfo,
            sends_iss: provider.options.always_sends_iss
                || found.authorization_response_iss_parameter_supported == Some(true),
            secret_in: Some(match takes("client_secret_basic") {
                true => SecretIn::Header,
                false => SecretIn::Body,
            }),
        })
    }
}

impl Directory {
    pub(super) fn new(
        provider: &Provider,
        fetcher: Fetcher,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        ensure(
            provider.options.issuer.is_some()
                || !(provider.options.oidc || provider.options.always_sends_iss),
            "the provider's iss must be checked, but its issuer is unknown: call .issuer(…)",
        )?;
        ensure(
            provider.options.oidc || provider.options.discover_at.is_none(),
            ".discover_at(…) is for a provider with metadata: call it on Provider::discover(…)",
        )?;
        let urls = fetcher.urls();
        let metadata = provider.discovery().filter(|_| provider.options.oidc);
        if let Some(metadata) = &metadata {
            metadata.check(urls)?;
        }
        let userinfo =
            provider.options.userinfo.as_deref().map(|url| urls.check(url)).transpose()?;
        match (&provider.place, metadata) {
            (Place::Discovered, Some(metadata)) => {
                let discovery = Discovery { provider: provider.clone(), metadata, fetcher };
                Ok(Self::Discovered(Refreshing::new(discovery, clock)))
            }
            (Place::Discovered, None) => Err(Error::configuration(
                "the provider has no issuer to discover: use Provider::discover(…)",
            )),
            (Place::Urls { authorize, token }, _) => {
                let endpoints = Endpoints {
                    authorize: Some(authorization_url(authorize, urls)?),
                    token: without_fragment(token, urls)?,
                    userinfo,
                    sends_iss: provider.options.always_sends_iss,
                    secret_in: None,
                };
                Ok(Self::Known(Arc::new(endpoints)))
            }
        }
    }

    /// Returns the endpoints, from the discovery document if needed.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if the discovery document cannot be fetched or used.
    pub(super) async fn endpoints(&self) -> Result<Arc<Endpoints>, Error> {
        match self {
            Self::Known(endpoints) => Ok(endpoints.clone()),
            Self::Discovered(found) => found.get().await.map_err(|error| {
                let message = format!("the discovery of the provider failed: {error}");
                Error::new(ErrorKind::Unavailable, message).with_source(error)
            }),
        }
    }
}

/// Checks the authorization URL: its query is kept, and no parameter may be repeated.
///
/// RFC 6749 section 3.1.
fn authorization_url(text: &str, urls: &UrlRule) -> Result<Url, Error> {
    let url = without_fragment(text, urls)?;
    let own = url.query_pairs().find(|(name, _)| is_own_parameter(name));
    match own {
        None => Ok(url),
        Some((name, _)) => Err(Error::configuration(format!(
            "the authorization URL has the parameter '{name}', which every login sets: remove it"
        ))),
    }
}

fn without_fragment(text: &str, urls: &UrlRule) -> Result<Url, Error> {
    let url = urls.check(text)?;
    ensure(
        url.fragment().is_none(),
        "an endpoint's URL must not have a fragment (RFC 6749 section 3.1): remove '#…'",
    )?;
    Ok(url)
}

/// Location of the client's id and secret in a token request (RFC 6749 section 2.3.1).
///
/// # Example
/// ```
/// use jamguard::oauth2::{OAuth2Client, Provider, SecretIn};
///
/// let client = OAuth2Client::builder(Provider::github(), "client id")
///     .secret("client secret")
///     .secret_in(SecretIn::Header)
///     .build()?;
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(description = "Where id and secret are sent.")
)]
#[serde(rename_all = "snake_case")]
pub enum SecretIn {
    /// `client_secret_post`: members of the form.
    Body,
    /// `client_secret_basic`: the `Authorization` header.
    Header,
}
