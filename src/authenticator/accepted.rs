//! What an authenticator accepts: a verifier, with where its tokens come from and how to read them.

use super::credentials::CredentialSource;
use crate::core::{Error, debug_fields};
use crate::policy::ClaimPaths;
use crate::token::{list::TokenList, verifier::Verifier};

/// The tokens of one verifier.
#[derive(Clone)]
pub(crate) struct AcceptedTokens {
    pub(crate) verifier: Verifier,
    /// The default place of the tokens in a request.
    pub(crate) source: CredentialSource,
    /// Where policies find scopes and roles; `None` for the authenticator's own paths.
    pub(crate) claim_paths: Option<ClaimPaths>,
}

impl AcceptedTokens {
    pub(super) fn with_deny_lists(self, lists: &[TokenList]) -> Result<Self, Error> {
        Ok(Self { verifier: self.verifier.with_deny_lists(lists)?, ..self })
    }
}

impl From<Verifier> for AcceptedTokens {
    fn from(verifier: Verifier) -> Self {
        Self { verifier, source: CredentialSource::bearer(), claim_paths: None }
    }
}

debug_fields!(AcceptedTokens, self, verifier = self.verifier, source = self.source);

/// The claim paths of a request's issuer, or else of the authenticator.
pub(super) struct PathsByIssuer {
    default: ClaimPaths,
    by_issuer: Vec<(Box<str>, ClaimPaths)>,
}

impl PathsByIssuer {
    /// # Errors
    /// Two verifiers of one issuer with different paths: a session does not know its verifier.
    pub(super) fn new(default: ClaimPaths, accepted: &[AcceptedTokens]) -> Result<Self, Error> {
        let mut by_issuer: Vec<(Box<str>, ClaimPaths)> = Vec::new();
        for AcceptedTokens { verifier, claim_paths, .. } in accepted {
            let Some(paths) = claim_paths else { continue };
            for issuer in verifier.issuers() {
                match by_issuer.iter().find(|(known, _)| known == issuer) {
                    Some((_, known)) if !known.is_same(paths) => {
                        return Err(Error::configuration(format!(
                            "two presets of the issuer `{issuer}` read scopes or roles from \
                             different claims: call .claim_paths(…) of both with the same paths"
                        )));
                    }
                    Some(_) => {}
                    None => by_issuer.push((issuer.clone(), paths.clone())),
                }
            }
        }
        Ok(Self { default, by_issuer })
    }

    pub(super) fn of(&self, issuer: Option<&str>) -> &ClaimPaths {
        let known = |issuer: &str| self.by_issuer.iter().find(|(known, _)| **known == *issuer);
        issuer.and_then(known).map_or(&self.default, |(_, paths)| paths)
    }
}
