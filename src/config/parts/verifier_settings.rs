//! Settings of verifiers of other issuers' tokens, and their rules.

use super::key_rings::Rings;
use super::key_sets;
use super::keys::VerifyingKeySection;
use super::lists::Lists;
use super::location::Spot;
use super::scalars::{AnyOf, Texts};
use crate::authenticator::accepted::AcceptedTokens;
use crate::config::document::Problem;
use crate::jose::algorithm::Algorithms;
use crate::token::builder::{VerifierBuilder, VerifierOptions};
use crate::token::protected_resource::ProtectedResource;
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
        pub(super) algorithms: Algorithms,
        /// Required `iss`, or a list of alternatives.
        #[serde(default)]
        pub(super) issuer: AnyOf,
        /// Templates of issuers, such as `https://issuer.example/{tenant}`, each with the accepted
        /// values of the claim in braces.
        #[serde(default)]
        issuer_family: BTreeMap<String, AnyOf>,
        /// Template of issuers, or a list of templates, of which every value is accepted.
        #[serde(default)]
        any_of_issuer_family: AnyOf,
        /// Required `aud`, or a list of alternatives. Needed unless `any_audience`,
        /// `protected_resource` or `client_id_instead_of_audience` is true. A preset says itself
        /// whether it needs one.
        #[serde(default)]
        pub(super) audience: AnyOf,
        /// Accepts tokens for any audience.
        #[serde(default)]
        pub(super) any_audience: bool,
        /// Accepts tokens whose `aud` names the resource of the section `protected_resource`.
        #[serde(default)]
        pub(super) protected_resource: bool,
        /// Required client, or a list of alternatives: `client_id`, else `azp`, else `appid`.
        #[serde(default)]
        pub(super) client_ids: AnyOf,
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

/// Adds the section's rules to a verifier.
pub(super) type AddRules<'a> = &'a dyn Fn(VerifierBuilder) -> Result<VerifierBuilder, Problem>;

/// Keys that name a preset.
pub(super) trait FromPreset {
    /// Builds what the preset accepts, with the section's rules; `None` without a preset.
    fn accepted(
        &self,
        settings: &VerifierSettings,
        rules: AddRules<'_>,
        parts: &PresetParts<'_>,
        spot: &Spot<'_>,
    ) -> Result<Option<AcceptedTokens>, Problem>;

    /// Whether scopes and roles are read from the claims that a preset names.
    fn has_paths_of_preset(&self) -> bool {
        false
    }
}

/// Other keys and sections that a preset uses.
pub(super) struct PresetParts<'a> {
    pub(super) published: &'a key_sets::Keys,
    pub(super) resource: Option<&'a ProtectedResource>,
}

impl FromPreset for () {
    fn accepted(
        &self,
        _: &VerifierSettings,
        _: AddRules<'_>,
        _: &PresetParts<'_>,
        _: &Spot<'_>,
    ) -> Result<Option<AcceptedTokens>, Problem> {
        Ok(None)
    }
}

impl VerifierSettings {
    /// Whether the section names a source of keys.
    pub(super) fn has_keys(&self, spot: &Spot<'_>) -> Result<bool, Problem> {
        let sources = ["jwks_url", "discover", "aws_alb", "jwks_file", "jwks", "keys", "key_ring"];
        spot.one_of(&sources).map(|given| given.is_some())
    }

    /// Whether the section decides about the audience.
    pub(super) fn has_audience(&self, options: &VerifierOptions) -> bool {
        !self.audience.0.is_empty()
            || self.any_audience
            || self.protected_resource
            || options.client_id_instead_of_audience
    }

    /// Adds algorithms, issuers, audiences and clients, which a preset sets itself.
    pub(super) fn parties(&self, mut verifier: VerifierBuilder) -> VerifierBuilder {
        if !self.algorithms.0.is_empty() {
            verifier = verifier.algorithms(self.algorithms.0.iter().copied());
        }
        verifier = self.issuer.0.iter().fold(verifier, VerifierBuilder::issuer);
        verifier = self.audience.0.iter().fold(verifier, VerifierBuilder::audience);
        if self.any_audience {
            verifier = verifier.any_audience();
        }
        if !self.client_ids.0.is_empty() {
            verifier = verifier.client_ids(&self.client_ids.0);
        }
        verifier
    }

    pub(super) fn rules(
        &self,
        mut verifier: VerifierBuilder,
        spot: &Spot<'_>,
        lists: &Lists,
    ) -> Result<VerifierBuilder, Problem> {
        for (template, values) in &self.issuer_family {
            verifier = verifier.issuer_family(template, &values.0);
        }
        let families = self.any_of_issuer_family.0.iter();
        verifier = families.fold(verifier, VerifierBuilder::any_of_issuer_family);
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
        Ok(allowed.into_iter().fold(verifier, VerifierBuilder::allow_list))
    }

    pub(super) fn keys(
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
