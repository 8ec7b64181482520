//! Verification keys for a provider's signatures, limited to the algorithms that it announces.
//!
//! These are its published keys, and the client's secret for HMAC.

use super::client::{Inner, OAuth2Client};
use crate::core::network::UrlRule;
use crate::core::{Error, ErrorKind};
use crate::jose::{Algorithm, KeySet, VerifyingKey, algorithm::Algorithms};
use crate::jwks::RemoteKeySetBuilder;
use crate::jwks::discovery::{Discovery, Metadata};
use crate::jwks::fetch::Fetcher;
use crate::jwks::location::{Aged, Failure, KeysFuture, Location};
use crate::token::builder::{SourceContext, VerifierBuilder};
use crate::token::{keys::KeySource, verifier::Verifier};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Members of a discovery document that list algorithms (OpenID Connect Discovery 1.0 section 3).
///
/// Without a list for userinfo, the algorithms of ID tokens apply.
const ID_TOKEN: &[&str] = &["id_token_signing_alg_values_supported"];
pub(super) const USERINFO: &[&str] = &["userinfo_signing_alg_values_supported", ID_TOKEN[0]];

impl Inner {
    /// Returns a builder of a verifier for the provider's signatures.
    ///
    /// `None` for a provider without OpenID Connect.
    pub(super) fn verifier(&self, announced: &'static [&'static str]) -> Option<VerifierBuilder> {
        let discovery = self.provider.discovery().filter(|_| self.provider.options.oidc)?;
        let issuer = discovery.issuer.clone();
        let secrets = self.secret.iter().flat_map(|secret| {
            let secret = secret.expose().as_bytes();
            Algorithm::ALL.into_iter().filter_map(|a| VerifyingKey::from_secret(a, secret).ok())
        });
        let mut keys = ProviderKeys {
            discovery,
            algorithms: self
                .provider
                .options
                .id_token_algorithms
                .clone()
                .map(|Algorithms(all)| all),
            announced,
            secrets: secrets.collect(),
            has_published: AtomicBool::new(false),
        };
        let fetcher = Fetcher::from(self.http.clone());
        let source = move |context: &SourceContext| {
            if !context.algorithms.is_empty() {
                keys.algorithms = Some(context.algorithms.clone());
            }
            let keys = RemoteKeySetBuilder::new(keys).share(fetcher);
            let keys = keys.clock(context.clock.clone());
            let keys: Arc<dyn KeySource> = Arc::new(keys.build()?);
            Ok(keys)
        };
        Some(
            Verifier::builder()
                .issuer(issuer)
                .pinned()
                .source(source)
                .audience(&self.client_id)
                .clock(self.clock.clone()),
        )
    }
}

impl OAuth2Client {
    /// Returns a builder of a verifier for the provider's ID tokens.
    ///
    /// Tokens must be from its issuer and for this client (OpenID Connect Core 1.0 section
    /// 3.1.3.7). Keys come from its discovery document.
    ///
    /// The signature algorithm must be announced in that document or named by
    /// [`Provider::id_token_algorithms`](super::Provider::id_token_algorithms); if neither is the
    /// case, RS256. HS256, HS384 and HS512 are verified with the client's secret, which must be as
    /// long as the hash, and never with a published key.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) for a provider that issues no
    /// ID tokens.
    pub fn id_token_verifier(&self) -> Result<VerifierBuilder, Error> {
        let verifier = self.0.verifier(ID_TOKEN).ok_or_else(|| {
            Error::configuration(
                "this provider issues no ID tokens: use its userinfo, or call .oidc() on it if it \
                 does",
            )
        })?;
        Ok(verifier.require(["sub", "iat"]))
    }
}

struct ProviderKeys {
    discovery: Discovery,
    /// Configured algorithms, which replace the announced ones.
    algorithms: Option<Vec<Algorithm>>,
    announced: &'static [&'static str],
    /// The client's secret as a key for each hash that it is long enough for.
    ///
    /// Built once, because each is a separate key.
    secrets: Vec<VerifyingKey>,
    /// Whether the provider published a usable key before.
    has_published: AtomicBool,
}

impl ProviderKeys {
    /// Returns the published keys; the inner error means that none of them is usable.
    ///
    /// # Errors
    /// The response is not a key set, so the known keys stay.
    async fn published(
        &self,
        metadata: &Metadata,
        fetcher: &Fetcher,
        now: Duration,
    ) -> Result<Result<Aged, Error>, Error> {
        let url = match self.discovery.jwks_uri(metadata, fetcher.urls()) {
            Err(error) if member(&metadata.document, "jwks_uri").is_null() => {
                return Ok(Err(error));
            }
            url => url?,
        };
        let fetched = fetcher.get(&url).await?;
        let max_age = fetched.max_age;
        let text = fetched.into_text()?;
        match KeySet::read(&text, Some(now)) {
            Ok(keys) => Ok(Ok((keys, max_age))),
            Err(error) if member(&text, "keys").is_array() => Ok(Err(error)),
            Err(error) => Err(error),
        }
    }

    /// Fetches the keys and their stated lifetime, if any.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] if a document was fetched but is unusable.
    async fn gather(&self, fetcher: &Fetcher, now: Duration) -> Result<Aged, Error> {
        let metadata = self.discovery.fetch(fetcher).await?;
        let mut max_age = metadata.max_age;
        let algorithms = match &self.algorithms {
            Some(algorithms) => algorithms.clone(),
            None => announced(&metadata.document, self.announced)?,
        };
        // A key is bound to its kind of algorithm and never serves another.
        let mut keys: KeySet =
            self.secrets.iter().filter_map(|key| key.only(&algorithms)).collect();
        if algorithms.iter().any(|a| !a.is_symmetric()) {
            match self.published(&metadata, fetcher, now).await? {
                Ok((published, age)) => {
                    self.has_published.store(true, Ordering::Relaxed);
                    max_age = age;
                    for key in published.iter().filter_map(|key| key.only(&algorithms)) {
                        keys.push(key);
                    }
                }
                // A provider that signs with secrets may publish no key. If it published one
                // before, this is an outage, and the known keys stay.
                Err(_) if !keys.is_empty() && !self.has_published.load(Ordering::Relaxed) => {}
                Err(error) => return Err(error),
            }
        }
        if keys.is_empty() { Err(no_key(&algorithms)) } else { Ok((keys, max_age)) }
    }
}

impl Location for ProviderKeys {
    fn place(&self) -> &str {
        &self.discovery.issuer
    }

    fn check(&self, urls: &UrlRule) -> Result<(), Error> {
        self.discovery.check(urls)
    }

    fn fetch<'a>(&'a self, fetcher: &'a Fetcher, now: Duration) -> KeysFuture<'a> {
        Box::pin(async move {
            self.gather(fetcher, now).await.map_err(|error| match error.kind() {
                ErrorKind::InvalidKey => Failure::unusable(self.place(), error),
                _ => Failure::fetching(error),
            })
        })
    }
}

/// Returns a member of a JSON document; null if it is absent.
fn member(document: &str, name: &str) -> Value {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    document[name].clone()
}

fn no_key(algorithms: &[Algorithm]) -> Error {
    let names: Vec<_> = algorithms.iter().map(|a| a.name()).collect();
    Error::new(
        ErrorKind::InvalidKey,
        format!(
            "no key for the provider's algorithms ({}): it must publish one, and HS256, HS384 \
             and HS512 need a client secret as long as the hash",
            names.join(", ")
        ),
    )
}

/// Returns the algorithms of the first list in the document, or else RS256.
fn announced(document: &str, members: &[&str]) -> Result<Vec<Algorithm>, Error> {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    let Some(names) = members.iter().find_map(|name| document[*name].as_array()) else {
        return Ok(vec![Algorithm::RS256]);
    };
    let names = names.iter().filter_map(Value::as_str);
    let known: Vec<_> = names.filter_map(Algorithm::from_name).collect();
    match known.is_empty() {
        false => Ok(known),
        true => Err(Error::new(
            ErrorKind::InvalidKey,
            "the provider announces no supported algorithm: set its algorithms with \
             Provider::id_token_algorithms([…])",
        )),
    }
}
