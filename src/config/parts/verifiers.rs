//! Settings of verifiers of other issuers' tokens.

use super::key_rings::Rings;
use super::keys::VerifyingKeySettings;
use super::lists::Lists;
use super::location::Spot;
use super::scalars::{Alg, Algs, AnyOf, Texts, Time};
use crate::config::document::Problem;
#[cfg(feature = "client")]
use crate::jwks::{RemoteKeySet, RemoteKeySetBuilder};
use crate::token::builder::VerifierBuilder;
use crate::token::verifier::Verifier;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A verifier of tokens, whose keys come from one source.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct VerifierSettings {
    /// URL of the issuer's published keys: https, or http on loopback.
    #[cfg(feature = "client")]
    jwks_url: Option<String>,
    /// OpenID Connect issuer, whose discovery document locates its keys. Its `iss` is required.
    #[cfg(feature = "client")]
    discover: Option<String>,
    /// How the keys of `jwks_url` or `discover` are fetched.
    #[cfg(feature = "client")]
    key_set: Option<KeySetSettings>,
    /// A file with a JWK set.
    jwks_file: Option<String>,
    /// A JWK set as JSON text.
    jwks: Option<String>,
    /// Single keys.
    #[serde(default)]
    keys: Vec<VerifyingKeySettings>,
    /// Name of a key ring, such as one that another process signs with.
    key_ring: Option<String>,
    /// Accepted signature algorithms. A key ring has its own.
    #[serde(default)]
    algorithms: Algs,
    /// Required `iss`, or a list of alternatives.
    #[serde(default)]
    issuer: AnyOf,
    /// Required `aud`, or a list of alternatives. Needed unless `any_audience` is true.
    #[serde(default)]
    audience: AnyOf,
    /// Accepts tokens for any audience.
    #[serde(default)]
    any_audience: bool,
    /// Required `typ`, such as `at+jwt`.
    token_type: Option<String>,
    /// Claims that name the token's kind, with the accepted kinds.
    #[serde(default)]
    token_kind: BTreeMap<String, AnyOf>,
    /// Claims that must be present.
    #[serde(default)]
    require: Texts,
    /// Claims that must be exactly these strings.
    #[serde(default)]
    require_text: BTreeMap<String, String>,
    /// Claims that must be non-empty strings.
    #[serde(default)]
    require_any_text: Texts,
    /// Declares that the issuer verifies every e-mail address that it puts into tokens.
    #[serde(default)]
    issuer_verifies_emails: bool,
    /// Requires a `kid` in the header.
    #[serde(default)]
    require_key_id: bool,
    /// Accepts tokens without `exp`.
    #[serde(default)]
    danger_accept_missing_exp: bool,
    /// Accepts expired tokens.
    #[serde(default)]
    danger_accept_expired: bool,
    /// Accepts tokens bound to a client's key (`cnf`) without a proof of that key.
    #[serde(default)]
    danger_accept_bound_tokens: bool,
    /// Tolerated clock difference to the issuer. Default: 60 s, at most 1 hour.
    leeway: Option<Time>,
    /// Longest accepted token, in bytes. Default: 16 KiB. Range: 64 bytes to 1 MiB.
    max_token_len: Option<usize>,
    /// Cache of verified tokens, in bytes. Default: 64 MiB. At least 64 KiB; 0 disables the cache.
    cache_bytes: Option<u64>,
    /// Names of deny lists.
    #[serde(default)]
    deny_lists: Texts,
    /// Names of allow lists.
    #[serde(default)]
    allow_lists: AnyOf,
}

/// How published keys are fetched and cached.
#[cfg(feature = "client")]
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct KeySetSettings {
    /// Deadline of one fetch. Default: 5 s, at most 60 s.
    timeout: Option<Time>,
    /// Lower bound of the issuer's `max-age`. Default: 1 minute, at least 1 s.
    min_age: Option<Time>,
    /// Upper bound of the issuer's `max-age`. Default: 24 hours, at most 7 days.
    max_age: Option<Time>,
    /// Lifetime of keys whose issuer sends no `max-age`. Default: 10 minutes, at most 7 days.
    default_age: Option<Time>,
    /// How long expired keys stay in use during an outage. Default: 1 hour, at most 7 days.
    max_stale: Option<Time>,
    /// Minimum time between fetches for unknown or replaced keys. Default: 30 s, at most 7 days.
    cooldown: Option<Time>,
}

#[cfg(feature = "client")]
impl KeySetSettings {
    pub(in crate::config) fn build(
        &self,
        mut keys: RemoteKeySetBuilder,
        spot: &Spot<'_>,
    ) -> Result<RemoteKeySet, Problem> {
        const MIN_AGE: Time = Time(std::time::Duration::from_secs(60));
        const MAX_AGE: Time = Time(std::time::Duration::from_secs(24 * 3600));
        if let Some(Time(timeout)) = self.timeout {
            keys = keys.timeout(timeout);
        }
        if self.min_age.is_some() || self.max_age.is_some() {
            let (least, most) = (self.min_age.unwrap_or(MIN_AGE), self.max_age.unwrap_or(MAX_AGE));
            keys = keys.age_bounds(least.0, most.0);
        }
        if let Some(Time(age)) = self.default_age {
            keys = keys.default_age(age);
        }
        if let Some(Time(stale)) = self.max_stale {
            keys = keys.max_stale(stale);
        }
        if let Some(Time(cooldown)) = self.cooldown {
            keys = keys.cooldown(cooldown);
        }
        let keys = keys.clock(spot.world.clock.clone()).build();
        keys.map_err(|error| spot.refused(error))
    }
}

impl VerifierSettings {
    pub(in crate::config) fn build(
        &self,
        spot: &Spot<'_>,
        rings: &Rings,
        lists: &Lists,
    ) -> Result<Verifier, Problem> {
        let mut verifier = self.keys(Verifier::builder(), spot, rings)?;
        if !self.algorithms.0.is_empty() {
            verifier =
                verifier.algorithms(self.algorithms.0.iter().map(|Alg(algorithm)| *algorithm));
        }
        for issuer in &self.issuer.0 {
            verifier = verifier.issuer(issuer);
        }
        for audience in &self.audience.0 {
            verifier = verifier.audience(audience);
        }
        match (self.any_audience, self.audience.0.is_empty()) {
            (true, true) => verifier = verifier.any_audience(),
            (true, false) => {
                return Err(spot
                    .key("any_audience")
                    .wrong("'audience' is given too: keep one of the two"));
            }
            (false, _) => {}
        }
        if let Some(typ) = &self.token_type {
            verifier = verifier.token_type(typ);
        }
        for (claim, kinds) in &self.token_kind {
            verifier = verifier.token_kind(claim, &kinds.0);
        }
        verifier = verifier.require(&self.require.0);
        for (claim, text) in &self.require_text {
            verifier = verifier.require_text(claim, text);
        }
        for claim in &self.require_any_text.0 {
            verifier = verifier.require_any_text(claim);
        }
        if self.issuer_verifies_emails {
            verifier = verifier.issuer_verifies_emails();
        }
        if self.require_key_id {
            verifier = verifier.require_key_id();
        }
        if self.danger_accept_missing_exp {
            verifier = verifier.danger_accept_missing_exp();
        }
        if self.danger_accept_expired {
            verifier = verifier.danger_accept_expired();
        }
        if self.danger_accept_bound_tokens {
            verifier = verifier.danger_accept_bound_tokens();
        }
        if let Some(Time(leeway)) = self.leeway {
            verifier = verifier.leeway(leeway);
        }
        if let Some(bytes) = self.max_token_len {
            verifier = verifier.max_token_len(bytes);
        }
        if let Some(bytes) = self.cache_bytes {
            verifier = verifier.cache_bytes(bytes);
        }
        for list in lists.named(&self.deny_lists.0, &spot.key("deny_lists"))? {
            verifier = verifier.deny_list(list);
        }
        for list in lists.named(&self.allow_lists.0, &spot.key("allow_lists"))? {
            verifier = verifier.allow_list(list);
        }
        if self.audience.0.is_empty() && !self.any_audience {
            return Err(spot.wrong(
                "there is no 'audience': give the 'aud' of tokens for this service, or set \
                 'any_audience = true' if the issuer serves no other services",
            ));
        }
        let verifier = verifier.clock(spot.world.clock.clone()).build();
        verifier.map_err(|error| spot.refused(error))
    }

    fn keys(
        &self,
        mut verifier: VerifierBuilder,
        spot: &Spot<'_>,
        rings: &Rings,
    ) -> Result<VerifierBuilder, Problem> {
        spot.one_of(&[
            #[cfg(feature = "client")]
            ("jwks_url", self.jwks_url.is_some()),
            #[cfg(feature = "client")]
            ("discover", self.discover.is_some()),
            ("jwks_file", self.jwks_file.is_some()),
            ("jwks", self.jwks.is_some()),
            ("keys", !self.keys.is_empty()),
            ("key_ring", self.key_ring.is_some()),
        ])?;
        if let Some(ring) = &self.key_ring {
            verifier = verifier.key_ring(rings.named(ring, &spot.key("key_ring"))?);
        }
        if let Some(file) = &self.jwks_file {
            let place = spot.key("jwks_file");
            let content = place.file(file)?;
            let json = std::str::from_utf8(&content);
            let json = json.map_err(|_| place.wrong("the file is not UTF-8 text"))?;
            verifier = verifier.jwks_json(json).map_err(|error| place.refused(error))?;
        }
        if let Some(json) = &self.jwks {
            let keys = verifier.jwks_json(json);
            verifier = keys.map_err(|error| spot.key("jwks").refused(error))?;
        }
        for (at, key) in self.keys.iter().enumerate() {
            verifier = verifier.key(key.build(&spot.key("keys").index(at))?);
        }
        #[cfg(feature = "client")]
        {
            verifier = self.remote(verifier, spot)?;
        }
        Ok(verifier)
    }

    #[cfg(feature = "client")]
    fn remote(
        &self,
        verifier: VerifierBuilder,
        spot: &Spot<'_>,
    ) -> Result<VerifierBuilder, Problem> {
        let place = spot.key("key_set");
        Ok(match (&self.jwks_url, &self.discover, &self.key_set) {
            (Some(url), _, None) => verifier.jwks_url(url),
            (Some(url), _, Some(settings)) => {
                verifier.jwks(settings.build(RemoteKeySet::builder(url), &place)?)
            }
            (None, Some(issuer), None) => verifier.discover(issuer),
            (None, Some(issuer), Some(settings)) => {
                let keys = settings.build(RemoteKeySet::discover(issuer), &place)?;
                verifier.issuer(issuer).jwks(keys)
            }
            (None, None, None) => verifier,
            (None, None, Some(_)) => {
                return Err(place.wrong("there is no 'jwks_url' or 'discover' that it applies to"));
            }
        })
    }
}
