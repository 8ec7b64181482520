//! Settings of verifiers of other issuers' tokens.

use super::feature::AddTo;
use super::key_rings::Rings;
use super::key_sets;
use super::keys::VerifyingKeySection;
use super::lists::Lists;
use super::location::Spot;
use super::scalars::{Alg, Algs, AnyOf, Texts};
use crate::config::document::{Problem, Section};
use crate::token::builder::{VerifierBuilder, VerifierOptions};
use crate::token::protected_resource::ProtectedResource;
use crate::token::verifier::Verifier;
use std::collections::BTreeMap;

settings! {
    /// A verifier of tokens, whose keys come from one source.
    pub(in crate::config) struct VerifierSettings {
        /// A file with a JWK set.
        jwks_file: Option<String>,
        /// A JWK set as JSON text.
        jwks: Option<String>,
        /// Single keys.
        #[serde(default)]
        keys: Vec<VerifyingKeySection>,
        /// Name of a key ring, such as one that another process signs with.
        key_ring: Option<String>,
        /// Accepted signature algorithms. A key ring has its own.
        #[serde(default)]
        algorithms: Algs,
        /// Required `iss`, or a list of alternatives.
        #[serde(default)]
        issuer: AnyOf,
        /// Templates of issuers, such as `https://issuer.example/{tenant}`, each with the accepted
        /// values of the claim in braces.
        #[serde(default)]
        issuer_family: BTreeMap<String, AnyOf>,
        /// Required `aud`, or a list of alternatives. Needed unless `any_audience` or
        /// `client_id_instead_of_audience` is true.
        #[serde(default)]
        audience: AnyOf,
        /// Accepts tokens for any audience.
        #[serde(default)]
        any_audience: bool,
        /// Accepts tokens whose `aud` names the resource of the section `protected_resource`.
        #[serde(default)]
        protected_resource: bool,
        /// Required client, or a list of alternatives: `client_id`, else `azp`, else `appid`.
        #[serde(default)]
        client_ids: AnyOf,
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
        /// Names of deny lists.
        #[serde(default)]
        deny_lists: Texts,
        /// Names of allow lists.
        #[serde(default)]
        allow_lists: AnyOf,
    }
}

/// A section of a verifier.
pub(in crate::config) type VerifierSection =
    Section<VerifierOptions, Section<key_sets::Keys, VerifierSettings>>;

impl VerifierSection {
    pub(super) fn build(
        &self,
        spot: &Spot<'_>,
        rings: &Rings,
        lists: &Lists,
        resource: Option<&ProtectedResource>,
    ) -> Result<Verifier, Problem> {
        let Self(options, Section(published, settings)) = self;
        let mut verifier = Verifier::builder().clock(spot.clock());
        verifier.options = options.clone();
        spot.one_of(&["jwks_url", "discover", "jwks_file", "jwks", "keys", "key_ring"])?;
        verifier = settings.keys(verifier, spot, rings)?;
        verifier = published.add_to(verifier, (), spot)?;
        if settings.protected_resource {
            let resource = resource.ok_or_else(|| {
                let message = "the file has no protected resource: add the section \
                               'protected_resource'";
                spot.key("protected_resource").wrong(message)
            })?;
            verifier = verifier.protected_resource(resource);
        }
        let has_audience = settings.has_audience(options);
        settings.rules(verifier, has_audience, spot, lists)
    }
}

impl VerifierSettings {
    /// Whether the section decides about the audience.
    fn has_audience(&self, options: &VerifierOptions) -> bool {
        !self.audience.0.is_empty()
            || self.any_audience
            || self.protected_resource
            || options.client_id_instead_of_audience
    }

    fn rules(
        &self,
        mut verifier: VerifierBuilder,
        has_audience: bool,
        spot: &Spot<'_>,
        lists: &Lists,
    ) -> Result<Verifier, Problem> {
        if !self.algorithms.0.is_empty() {
            verifier =
                verifier.algorithms(self.algorithms.0.iter().map(|Alg(algorithm)| *algorithm));
        }
        verifier = self.issuer.0.iter().fold(verifier, VerifierBuilder::issuer);
        verifier = self.audience.0.iter().fold(verifier, VerifierBuilder::audience);
        match (self.any_audience, self.audience.0.is_empty()) {
            (true, true) => verifier = verifier.any_audience(),
            (true, false) => {
                return Err(spot
                    .key("any_audience")
                    .wrong("'audience' is given too: keep one of the two"));
            }
            (false, _) => {}
        }
        for (template, values) in &self.issuer_family {
            verifier = verifier.issuer_family(template, &values.0);
        }
        if !self.client_ids.0.is_empty() {
            verifier = verifier.client_ids(&self.client_ids.0);
        }
        for (claim, kinds) in &self.token_kind {
            verifier = verifier.token_kind(claim, &kinds.0);
        }
        verifier = verifier.require(&self.require.0);
        for (claim, text) in &self.require_text {
            verifier = verifier.require_text(claim, text);
        }
        verifier = self.require_any_text.0.iter().fold(verifier, VerifierBuilder::require_any_text);
        let denied = spot.lists("deny_lists", &self.deny_lists.0, lists)?;
        verifier = denied.into_iter().fold(verifier, VerifierBuilder::deny_list);
        let allowed = spot.lists("allow_lists", &self.allow_lists.0, lists)?;
        verifier = allowed.into_iter().fold(verifier, VerifierBuilder::allow_list);
        if !has_audience {
            return Err(spot.wrong(
                "there is no 'audience': give the 'aud' of tokens for this service, or set \
                 'any_audience = true' if the issuer serves no other services, or \
                 'client_id_instead_of_audience = true' with 'client_ids' if the tokens have no 'aud'",
            ));
        }
        spot.built(verifier.build())
    }

    fn keys(
        &self,
        mut verifier: VerifierBuilder,
        spot: &Spot<'_>,
        rings: &Rings,
    ) -> Result<VerifierBuilder, Problem> {
        if let Some(ring) = &self.key_ring {
            verifier = verifier.key_ring(spot.named("key_ring", "key ring", ring, rings)?);
        }
        if let Some(file) = &self.jwks_file {
            let place = spot.key("jwks_file");
            let content = place.file(file)?;
            let json = std::str::from_utf8(&content);
            let json = json.map_err(|_| place.wrong("the file is not UTF-8 text"))?;
            verifier = place.built(verifier.jwks_json(json))?;
        }
        if let Some(json) = &self.jwks {
            verifier = spot.key("jwks").built(verifier.jwks_json(json))?;
        }
        for (at, key) in self.keys.iter().enumerate() {
            verifier = verifier.key(key.build(&spot.key("keys").index(at))?);
        }
        Ok(verifier)
    }
}
