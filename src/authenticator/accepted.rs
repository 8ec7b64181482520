//! What an authenticator accepts: a verifier, with where its tokens come from and how to read them.

use super::sources::CredentialSource;
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

impl AcceptedTokens {
    /// Leaves what tokens are bound to, if anything, to the authenticator.
    pub(super) fn accepting_bound(self, is_any: bool) -> Self {
        match is_any {
            true => Self { verifier: self.verifier.accepting_bound(), ..self },
            false => self,
        }
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
    presets: Vec<(Verifier, ClaimPaths)>,
}

impl PathsByIssuer {
    /// # Errors
    /// Two verifiers of one issuer with different paths: a session does not know its verifier.
    pub(super) fn new(default: ClaimPaths, accepted: &[AcceptedTokens]) -> Result<Self, Error> {
        let mut presets: Vec<(Verifier, ClaimPaths)> = Vec::new();
        for AcceptedTokens { verifier, claim_paths, .. } in accepted {
            let Some(paths) = claim_paths else { continue };
            let names = verifier.issuers().names();
            for (other, _) in presets.iter().filter(|(_, others)| !others.is_same(paths)) {
                let mut others = other.issuers().names().into_iter();
                if let Some(issuer) = others.find(|name| names.contains(name)) {
                    return Err(Error::configuration(format!(
                        "two presets of the issuer `{issuer}` read scopes or roles from different \
                         claims: call .claim_paths(…) of both with the same paths"
                    )));
                }
            }
            presets.push((verifier.clone(), paths.clone()));
        }
        Ok(Self { default, presets })
    }

    pub(super) fn of(&self, issuer: Option<&str>) -> &ClaimPaths {
        let of_issuer = |issuer: &str| {
            self.presets.iter().find(|(verifier, _)| verifier.issuers().name(issuer))
        };
        issuer.and_then(of_issuer).map_or(&self.default, |(_, paths)| paths)
    }
}
