//! The section of a verifier of other issuers' tokens.

use super::feature::AddTo;
use super::key_rings::Rings;
use super::lists::Lists;
use super::location::Spot;
use super::verifier_settings::{FromPreset, VerifierSettings};
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
        if settings.any_audience && !settings.audience.0.is_empty() {
            return Err(spot
                .key("any_audience")
                .wrong("'audience' is given too: keep one of the two"));
        }
        let rules = |mut verifier: VerifierBuilder| {
            verifier.options = options.clone();
            verifier = settings.keys(verifier.clock(spot.clock()), spot, rings)?;
            verifier = published.add_to(verifier, (), spot)?;
            if settings.protected_resource {
                let resource = resource.ok_or_else(|| {
                    let message = "the file has no protected resource: add the section \
                                   'protected_resource'";
                    spot.key("protected_resource").wrong(message)
                })?;
                verifier = verifier.protected_resource(resource);
            }
            settings.rules(verifier, spot, lists)
        };
        if let Some(accepted) = presets.accepted(settings, &rules, spot)? {
            return Ok(accepted);
        }
        let verifier = settings.parties(rules(Verifier::builder())?);
        if !settings.has_audience(options) {
            return Err(spot.wrong(
                "there is no 'audience': give the 'aud' of tokens for this service, or set \
                 'any_audience = true' if the issuer serves no other services, or \
                 'client_id_instead_of_audience = true' with 'client_ids' if the tokens have no 'aud'",
            ));
        }
        spot.built(verifier.build()).map(AcceptedTokens::from)
    }
}
