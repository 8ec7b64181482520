//! The section of a verifier of other issuers' tokens.

use super::feature::AddTo;
use super::key_rings::Rings;
use super::lists::Lists;
use super::location::Spot;
use super::verifier_settings::{FromPreset, PresetParts, VerifierSettings};
use super::{key_sets, presets};
use crate::authenticator::accepted::AcceptedTokens;
use crate::config::document::{Problem, Section};
use crate::token::builder::{VerifierBuilder, VerifierOptions};
use crate::token::protected_resource::ProtectedResource;
use crate::token::verifier::Verifier;

/// A section of a verifier.
pub(in crate::config) type VerifierSection =
    Section<VerifierOptions, Section<key_sets::Keys, Section<presets::Keys, VerifierSettings>>>;

impl VerifierSection {
    pub(super) fn build(
        &self,
        spot: &Spot<'_>,
        rings: &Rings,
        lists: &Lists,
        resource: Option<&ProtectedResource>,
    ) -> Result<AcceptedTokens, Problem> {
        let Self(options, Section(published, Section(presets, settings))) = self;
        settings.has_keys(spot)?;
        if settings.any_audience {
            let named = [
                ("audience", !settings.audience.0.is_empty()),
                ("protected_resource", settings.protected_resource),
            ];
            if let Some((key, _)) = named.iter().find(|(_, is_given)| *is_given) {
                let message = format!("'{key}' is given too: keep one of the two");
                return Err(spot.key("any_audience").wrong(message));
            }
        }
        let resource = match (settings.protected_resource, resource) {
            (false, _) => None,
            (true, Some(resource)) => Some(resource),
            (true, None) => {
                return Err(spot.key("protected_resource").wrong(
                    "the file has no protected resource: add the section 'protected_resource'",
                ));
            }
        };
        let parts = PresetParts { published, resource };
        let rules = |mut verifier: VerifierBuilder| {
            verifier.options = options.clone();
            verifier = settings.keys(verifier.clock(spot.clock()), spot, rings)?;
            verifier = parts.published.add_to(verifier, (), spot)?;
            settings.rules(verifier, spot, lists)
        };
        if let Some(accepted) = presets.accepted(settings, &rules, &parts, spot)? {
            return Ok(accepted);
        }
        let mut verifier = settings.parties(rules(Verifier::builder())?);
        if let Some(resource) = parts.resource {
            verifier = verifier.protected_resource(resource);
        }
        if !settings.has_audience(options) {
            return Err(spot.wrong(
                "there is no 'audience': give the 'aud' of tokens for this service, or set \
                 'any_audience = true' if the issuer serves no other services, or \
                 'client_id_instead_of_audience = true' with 'client_ids' if the tokens have no 'aud'",
            ));
        }
        spot.built(verifier.build()).map(AcceptedTokens::from)
    }

    /// Whether scopes and roles are read from the claims that a preset names.
    pub(super) fn has_paths_of_preset(&self) -> bool {
        let Self(_, Section(_, Section(presets, _))) = self;
        presets.has_paths_of_preset()
    }
}
