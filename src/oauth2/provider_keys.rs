//! The keys of what a provider signs for a client: those that it publishes, and the client's secret,
//! each for the algorithms that the provider announces.

use super::provider::Provider;
use crate::core::clock::Clock;
use crate::core::error::{Error, ErrorKind};
use crate::core::http::HttpClient;
use crate::core::secret::Secret;
use crate::jose::{Algorithm, KeySet, VerifyingKey};
use crate::jwks::{Fetch, Gather, HttpFetch, RemoteKeySet, discover, get, jwks_uri};
use crate::token::builder::VerifierBuilder;
use crate::token::keys::KeySource;
use crate::token::verifier::Verifier;
use serde_json::{Map, Value};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Where a discovery document names algorithms (OpenID Connect Discovery 1.0 section 3). Userinfo
/// without a list of its own is signed as ID tokens are.
pub(super) const ID_TOKEN: &[&str] = &["id_token_signing_alg_values_supported"];
pub(super) const USERINFO: &[&str] = &["userinfo_signing_alg_values_supported", ID_TOKEN[0]];

/// A client as it is registered at a provider.
pub(super) struct Registration<'a> {
    pub(super) provider: &'a Provider,
    pub(super) client_id: &'a str,
    pub(super) secret: Option<&'a Secret>,
    pub(super) http: &'a HttpClient,
    pub(super) clock: &'a Arc<dyn Clock>,
}

impl Registration<'_> {
    /// Begins a verifier of what the provider signs for the client; `None` for a provider without
    /// OpenID Connect.
    pub(super) fn verifier(&self, announced: &'static [&'static str]) -> Option<VerifierBuilder> {
        let issuer = self
            .provider
            .issuer
            .as_deref()
            .filter(|_| self.provider.is_oidc)?;
        let keys = ProviderKeys::new(issuer, self.provider, self.secret, announced);
        let fetcher = HttpFetch::over(self.http.clone());
        let source = move |clock, named: &[Algorithm]| {
            let keys = RemoteKeySet::gathered(keys.only(named));
            let keys: Arc<dyn KeySource> = Arc::new(keys.fetcher(fetcher).clock(clock).build()?);
            Ok(keys)
        };
        Some(
            Verifier::builder()
                .issuer(issuer)
                .pinned_source(source)
                .audience(self.client_id)
                .clock(self.clock.clone()),
        )
    }
}

struct ProviderKeys {
    issuer: String,
    /// What the application says, instead of what is announced.
    algorithms: Option<Vec<Algorithm>>,
    announced: &'static [&'static str],
    /// The client's secret, for each hash that it is long enough for. Made once: each is a key of
    /// its own.
    secrets: Vec<VerifyingKey>,
}

impl ProviderKeys {
    fn new(
        issuer: &str,
        provider: &Provider,
        secret: Option<&Secret>,
        announced: &'static [&'static str],
    ) -> Self {
        let secrets = secret.into_iter().flat_map(|secret| {
            Algorithm::ALL
                .into_iter()
                .filter_map(|a| VerifyingKey::from_secret(a, secret.expose().as_bytes()).ok())
        });
        Self {
            issuer: issuer.to_owned(),
            algorithms: provider.id_token_algorithms.clone(),
            announced,
            secrets: secrets.collect(),
        }
    }

    /// The same for these algorithms alone, if there are any.
    fn only(mut self, algorithms: &[Algorithm]) -> Self {
        if !algorithms.is_empty() {
            self.algorithms = Some(algorithms.to_vec());
        }
        self
    }

    async fn published(
        &self,
        document: &str,
        fetcher: &dyn Fetch,
    ) -> Result<(KeySet, Option<Duration>), Error> {
        let fetched = get(&jwks_uri(document)?, fetcher).await?;
        let max_age = fetched.max_age;
        Ok((KeySet::from_json(&fetched.into_text()?)?, max_age))
    }
}

impl Gather for ProviderKeys {
    fn place(&self) -> &str {
        &self.issuer
    }

    fn gather<'a>(
        &'a self,
        fetcher: &'a dyn Fetch,
    ) -> Pin<Box<dyn Future<Output = Result<(KeySet, Option<Duration>), Error>> + Send + 'a>> {
        Box::pin(async move {
            let (document, mut max_age) = discover(&self.issuer, fetcher).await?;
            let algorithms = match &self.algorithms {
                Some(algorithms) => algorithms.clone(),
                None => announced(&document, self.announced)?,
            };
            // Each key is for its own kind of algorithm: none serves as another's.
            let mut keys: KeySet = self
                .secrets
                .iter()
                .filter_map(|key| key.only(&algorithms))
                .collect();
            if algorithms.iter().any(|a| !a.is_symmetric()) {
                match self.published(&document, fetcher).await {
                    Ok((published, age)) => {
                        max_age = age;
                        for key in published.iter().filter_map(|key| key.only(&algorithms)) {
                            keys.push(key);
                        }
                    }
                    // A provider that signs with secrets may publish no key.
                    Err(error) if is_without_keys(error.kind()) && !keys.is_empty() => {}
                    Err(error) => return Err(error),
                }
            }
            match keys.is_empty() {
                false => Ok((keys, max_age)),
                true => Err(no_key(&algorithms)),
            }
        })
    }
}

fn is_without_keys(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidKey | ErrorKind::UnexpectedBody)
}

fn no_key(algorithms: &[Algorithm]) -> Error {
    let names: Vec<_> = algorithms.iter().map(|a| a.name()).collect();
    Error::new(
        ErrorKind::InvalidKey,
        format!(
            "no key is for the provider's algorithms, {}: it must publish one, and HS256, HS384 \
             and HS512 need a client secret as long as the hash",
            names.join(", ")
        ),
    )
}

/// The algorithms of the first list that the document has; without one RS256.
fn announced(document: &str, members: &[&str]) -> Result<Vec<Algorithm>, Error> {
    let document: Map<String, Value> = serde_json::from_str(document).unwrap_or_default();
    let lists = members.iter().filter_map(|name| document.get(*name));
    let Some(names) = lists.filter_map(Value::as_array).next() else {
        return Ok(vec![Algorithm::RS256]);
    };
    let names = names.iter().filter_map(Value::as_str);
    let known: Vec<_> = names.filter_map(Algorithm::from_name).collect();
    match known.is_empty() {
        false => Ok(known),
        true => Err(Error::new(
            ErrorKind::InvalidKey,
            "the provider announces no algorithm that is known here: name its own by \
             Provider::id_token_algorithms([…])",
        )),
    }
}
