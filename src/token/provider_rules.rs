//! Rules of verifiers that presets and introspection set.

use super::builder::VerifierBuilder;
use super::firebase_emulator::EmulatorSigner;
use super::introspector::Introspector;
use super::registered::{Expected, TextRule};
use crate::core::Error;
use std::sync::Arc;

impl VerifierBuilder {
    /// Asks this server about opaque tokens.
    pub(crate) fn introspector(mut self, introspector: Arc<dyn Introspector>) -> Self {
        self.introspectors.push(introspector);
        self
    }

    /// Accepts the unsigned tokens of Firebase's emulator for one project, and no others.
    pub(crate) fn firebase_emulator(mut self, signer: EmulatorSigner) -> Result<Self, Error> {
        self = self.key(signer.verifying_key()?).algorithms([EmulatorSigner::ALGORITHM]);
        self.firebase_emulator = Some(signer);
        Ok(self)
    }

    /// Requires one of these claims to be present.
    pub(crate) fn require_one_of(mut self, claims: [&str; 2]) -> Self {
        self.required_either.push(claims.map(Into::into));
        self
    }

    /// Requires a claim to be exactly this string in the tokens that have it.
    pub(crate) fn require_text_if_present(mut self, claim: &str, text: &str) -> Self {
        let expected = Expected::AbsentOr(text.into());
        self.texts.push(TextRule { claim: claim.into(), expected });
        self
    }

    /// Requires a claim to be a string that begins with this prefix and continues.
    pub(crate) fn require_prefix(mut self, claim: &str, prefix: &str) -> Self {
        let expected = Expected::StartsWith(prefix.into());
        self.texts.push(TextRule { claim: claim.into(), expected });
        self
    }
}
