//! Published keys of other issuers, and introspection of their opaque tokens.

use super::feature::AddTo;
use super::introspection::IntrospectionSection;
use super::location::Spot;
use super::scalars::{Given, Texts};
use crate::config::document::{Problem, Section};
use crate::core::network::NetworkOptions;
use crate::jwks::{AwsAlb, RemoteKeySet, RemoteKeySetBuilder, builder::KeySetOptions};
use crate::preset::Preset;
use crate::token::builder::VerifierBuilder;

settings! {
    #[derive(Default)]
    pub(in crate::config) struct Keys {
        /// URL of the issuer's published keys: https, or http on loopback.
        jwks_url: Option<String>,
        /// Issuer whose metadata locates its keys. Its `iss` is required.
        discover: Option<String>,
        /// URL at which the issuer of `discover`, or of the preset, is reached. Default: the issuer
        /// itself.
        discover_at: Option<String>,
        /// ARNs of AWS load balancers whose `x-amzn-oidc-data` is accepted.
        #[serde(default)]
        aws_alb: Texts,
        /// URL to which the key ids of `aws_alb` are appended. Default: that of the region.
        aws_alb_keys_url: Option<String>,
        /// How the keys of `jwks_url`, `discover` or the preset are fetched.
        key_set: Option<KeySetSection>,
        /// Introspection of opaque tokens. Without keys, every token is introspected.
        introspection: Option<IntrospectionSection>,
    }
}

/// A section of a key set.
pub(super) type KeySetSection = Section<NetworkOptions, KeySetOptions>;

impl AddTo<VerifierBuilder> for Keys {
    fn add_to(
        &self,
        verifier: VerifierBuilder,
        (): (),
        spot: &Spot<'_>,
    ) -> Result<VerifierBuilder, Problem> {
        let verifier = match &self.introspection {
            Some(introspection) => {
                verifier.introspection(introspection.build(&spot.key("introspection"))?)
            }
            None => verifier,
        };
        let place = if self.key_set.is_some() { spot.key("key_set") } else { spot.clone() };
        let has_preset = spot.has("preset");
        if self.discover.is_none() && self.discover_at.is_some() && !has_preset {
            let place = spot.key("discover_at");
            return Err(place.wrong("it goes with 'discover', which is the issuer's own name"));
        }
        if self.aws_alb.0.is_empty() && self.aws_alb_keys_url.is_some() {
            let place = spot.key("aws_alb_keys_url");
            return Err(place.wrong("it goes with 'aws_alb', the ARNs of the load balancers"));
        }
        let options = self.key_set.clone().unwrap_or_default();
        Ok(match (&self.jwks_url, &self.discover) {
            (Some(url), _) => verifier.jwks(key_set(RemoteKeySet::builder(url), &options, &place)?),
            (None, Some(issuer)) => {
                // Built here only for the location of a wrong option.
                let keys = RemoteKeySet::discover(issuer)
                    .given(&self.discover_at, RemoteKeySetBuilder::discover_at);
                key_set(keys, &options, &place)?;
                let (at, network) = (self.discover_at.clone(), place.network(&options.0)?);
                verifier.discover_with(issuer, move |mut keys| {
                    keys.options = options.1;
                    keys.network = network;
                    keys.given(&at, RemoteKeySetBuilder::discover_at)
                })
            }
            (None, None) if self.key_set.is_some() && !has_preset => {
                return Err(place.wrong("there is no 'jwks_url' or 'discover' that it applies to"));
            }
            (None, None) if !self.aws_alb.0.is_empty() => {
                let alb =
                    AwsAlb::new(&self.aws_alb.0).given(&self.aws_alb_keys_url, AwsAlb::keys_url);
                spot.key("aws_alb").built(alb.apply(verifier))?
            }
            (None, None) => verifier,
        })
    }
}

impl Keys {
    /// Changes how the keys of a preset are fetched, unless the section names a place of keys.
    pub(super) fn change_key_set(
        &self,
        preset: Preset,
        spot: &Spot<'_>,
    ) -> Result<Preset, Problem> {
        let is_changed = self.key_set.is_some() || self.discover_at.is_some();
        if !is_changed || self.jwks_url.is_some() || self.discover.is_some() {
            return Ok(preset);
        }
        let section = match &self.key_set {
            Some(Section(network, options)) => {
                Some((spot.key("key_set").network(network)?, options.clone()))
            }
            None => None,
        };
        let at = self.discover_at.clone();
        Ok(preset.map_key_set(move |keys| {
            let keys = keys.given(&at, RemoteKeySetBuilder::discover_at);
            keys.given(&section, |mut keys, (network, options)| {
                (keys.network, keys.options) = (network, options);
                keys
            })
        }))
    }
}

/// Builds the key set of an issuer.
pub(super) fn key_set(
    mut keys: RemoteKeySetBuilder,
    Section(network, options): &KeySetSection,
    spot: &Spot<'_>,
) -> Result<RemoteKeySet, Problem> {
    keys.options = options.clone();
    keys.network = spot.network(network)?;
    spot.built(keys.clock(spot.clock()).build())
}
