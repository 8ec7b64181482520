//! The identity header of AWS Application Load Balancers.

use super::by_kid::KeysByUrl;
use super::fetch::{Fetch, Fetcher};
use crate::core::network::{NetworkOptions, network_methods};
use crate::core::{Error, debug_fields, ensure};
use crate::jose::Algorithm;
use crate::token::{builder::VerifierBuilder, verifier::Verifier};
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

/// AWS Application Load Balancers that log users in and pass `x-amzn-oidc-data` on.
///
/// The header's token is not a standard JWT: its parts have padding. Only the verifier that this
/// type makes accepts it. A token must be signed with ES256, name one of the load balancers as its
/// `signer`, and be within the `exp` of its header. The keys are at
/// `https://public-keys.auth.elb.{region}.amazonaws.com/{kid}`. Each is fetched when a token names
/// it first, and again after 24 hours; while that fails, the old key is used for up to an hour more.
/// The `kid` must be a UUID. Tokens that name unknown keys cause at most 8 fetches at once, and one a
/// second after that.
///
/// See [User claims encoding and signature
/// verification](https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html#user-claims-encoding).
///
/// # Example
/// ```
/// use jamguard::{Authenticator, CredentialSource, jwks::AwsAlb};
///
/// # fn main() -> Result<(), jamguard::Error> {
/// let verifier = AwsAlb::new(["arn:aws:elasticloadbalancing:eu-central-1:123456789012:\
///                              loadbalancer/app/shop/50dc6c495c0c9188"])
///     .verifier()?
///     .issuer("https://login.example")
///     .build()?;
/// let auth = Authenticator::builder()
///     .verifier(verifier)
///     .sources([CredentialSource::proxy_header("x-amzn-oidc-data")])
///     .build()?;
/// # Ok(()) }
/// ```
#[must_use]
pub struct AwsAlb {
    load_balancers: Vec<String>,
    keys_url: Option<String>,
    fetch: Option<Arc<dyn Fetch>>,
    network: NetworkOptions,
}

impl AwsAlb {
    /// Accepts the tokens of the load balancers with these ARNs, all of one region.
    pub fn new<S: Into<String>>(load_balancers: impl IntoIterator<Item = S>) -> Self {
        Self {
            load_balancers: load_balancers.into_iter().map(Into::into).collect(),
            keys_url: None,
            fetch: None,
            network: NetworkOptions::default(),
        }
    }

    /// Sets the URL to which the key id is appended.
    ///
    /// Default: `https://public-keys.auth.elb.{region}.amazonaws.com/`. Needed outside of AWS's
    /// partition `aws`, such as in GovCloud.
    pub fn keys_url(mut self, url: impl Into<String>) -> Self {
        self.keys_url = Some(url.into());
        self
    }

    network_methods!();

    /// Fetches with a custom fetcher instead of the built-in HTTP client.
    pub fn fetcher(mut self, fetcher: impl Fetch) -> Self {
        self.fetch = Some(Arc::new(fetcher));
        self
    }

    /// Returns a builder of the verifier, for any audience: the tokens have none.
    ///
    /// The load balancer's own `client` and its listener rules decide for which application a user
    /// logs in; name only load balancers that serve this application.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) with a message that says what
    /// to change.
    pub fn verifier(self) -> Result<VerifierBuilder, Error> {
        self.apply(Verifier::builder())
    }

    /// Sets keys and rules on a builder.
    pub(crate) fn apply(self, verifier: VerifierBuilder) -> Result<VerifierBuilder, Error> {
        let base = self.base()?;
        let fetcher = Fetcher::of(self.fetch, TIMEOUT, &self.network)?;
        fetcher.urls().check(&base)?;
        let mut verifier =
            verifier.algorithms([Algorithm::ES256]).any_audience().require_key_id().source(
                move |context| {
                    let clock = context.clock.clone();
                    let keys = KeysByUrl::new(base, Algorithm::ES256, fetcher, TIMEOUT, clock);
                    Ok(Arc::new(keys))
                },
            );
        verifier.load_balancers =
            self.load_balancers.into_iter().map(String::into_boxed_str).collect();
        Ok(verifier)
    }

    /// Returns the URL of the keys, with a slash at its end.
    fn base(&self) -> Result<String, Error> {
        let mut regions = Vec::new();
        for arn in &self.load_balancers {
            let parts: Vec<&str> = arn.split(':').collect();
            let ["arn", partition, "elasticloadbalancing", region, _account, resource] = parts[..]
            else {
                return Err(Error::configuration(format!(
                    "'{arn}' is not the ARN of a load balancer: copy it from the load balancer's \
                     details, arn:aws:elasticloadbalancing:…:loadbalancer/app/…"
                )));
            };
            ensure(
                resource.starts_with("loadbalancer/app/"),
                "the ARN is not of an Application Load Balancer: it must have loadbalancer/app/",
            )?;
            regions.push((partition, region));
        }
        regions.dedup();
        match (&self.keys_url, &regions[..]) {
            (_, []) => Err(Error::configuration(
                "no load balancer: give AwsAlb::new([…]) the ARN of at least one: EC2 console > \
                 Load Balancers > your load balancer > Details",
            )),
            (Some(url), _) => Ok(format!("{}/", url.trim_end_matches('/'))),
            (None, [("aws", region)]) => {
                let is_name = region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                ensure(
                    is_name && !region.is_empty(),
                    "the region in the load balancer's ARN is not a region's name",
                )?;
                Ok(format!("https://public-keys.auth.elb.{region}.amazonaws.com/"))
            }
            (None, [_]) => Err(Error::configuration(
                "the load balancer is not in the partition aws: call .keys_url(…) with the URL of \
                 its public keys, without the key id",
            )),
            (None, _) => Err(Error::configuration(
                "the load balancers are in several regions: make one verifier for each region",
            )),
        }
    }
}

debug_fields!(AwsAlb, self, load_balancers = self.load_balancers);
