//! What an authenticator accepts: a verifier, with where its tokens come from and how to read them.

use super::sources::CredentialSource;
use crate::core::{Error, debug_fields};
use crate::policy::ClaimPaths;
use crate::token::{list::TokenList, verified::Verified, verifier::Verifier};

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
    /// Describes an issuer that both accept.
    fn shared_issuer(&self, other: &Self) -> Option<String> {
        let [ours, theirs] = [self, other].map(|one| one.verifier.issuers());
        if ours.accept_any() && theirs.accept_any() {
            return Some("any issuer".to_owned());
        }
        let known = theirs.names();
        let shared = ours.names().into_iter().find(|name| known.contains(name));
        shared.map(|issuer| format!("the issuer `{issuer}`"))
    }

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

/// The claim paths of a token's verifier, or else of the authenticator.
pub(super) struct PathsByIssuer {
    default: ClaimPaths,
    accepted: Vec<AcceptedTokens>,
}

impl PathsByIssuer {
    /// # Errors
    /// Two verifiers of one issuer with different paths: a session does not know its verifier.
    pub(super) fn new(default: ClaimPaths, accepted: &[AcceptedTokens]) -> Result<Self, Error> {
        let presets = accepted.iter().filter_map(|one| Some((one, one.claim_paths.as_ref()?)));
        let presets: Vec<_> = presets.collect();
        for (at, (one, paths)) in presets.iter().enumerate() {
            let different = |(_, others): &&(_, &ClaimPaths)| !others.is_same(paths);
            for (other, _) in presets.iter().take(at).filter(different) {
                if let Some(issuer) = one.shared_issuer(other) {
                    return Err(Error::configuration(format!(
                        "two presets of {issuer} read scopes or roles from different claims: call \
                         .claim_paths(…) of both with the same paths"
                    )));
                }
            }
        }
        Ok(Self { default, accepted: accepted.to_vec() })
    }

    /// Returns the paths for the claims of a token, or of a session that keeps those of its login.
    ///
    /// A token whose issuer no verifier names is that of a verifier for any issuer. The tokens of
    /// load balancers have verifiers of their own.
    pub(super) fn of(&self, issuer: Option<&str>, token: Option<&Verified>) -> &ClaimPaths {
        if !self.accepted.iter().any(|one| one.claim_paths.is_some()) {
            return &self.default;
        }
        let is_of_form = |one: &&AcceptedTokens| {
            token.is_none_or(|token| token.entry().is_alb == one.verifier.is_alb())
        };
        let of_form = || self.accepted.iter().filter(is_of_form);
        let names = |one: &&AcceptedTokens| {
            issuer.is_some_and(|issuer| one.verifier.issuers().name(issuer))
        };
        let any = |one: &&AcceptedTokens| token.is_some() && one.verifier.issuers().accept_any();
        let by_name = of_form().find(names);
        let mut of_any = of_form().filter(any);
        let found = by_name.or_else(|| {
            let only_presets = of_any.clone().all(|one| one.claim_paths.is_some());
            if only_presets { of_any.next() } else { None }
        });
        found.and_then(|one| one.claim_paths.as_ref()).unwrap_or(&self.default)
    }
}
