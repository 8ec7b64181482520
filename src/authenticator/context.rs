//! What handlers need to check policies and to answer as the layer does. Carried by every identity.

use super::accepted::PathsByIssuer;
use super::routing::Routing;
use crate::core::{AuthResponse, Clock, Error, telemetry};
use crate::policy::{ClaimIndex, Subject};
use crate::session::Sessions;
use crate::token::{dpop::Dpop, protected_resource::ProtectedResource, verified::Verified};
use std::sync::Arc;

pub(crate) type Hook = Arc<dyn Fn(&Error, AuthResponse) -> AuthResponse + Send + Sync>;

/// A handle of the rules. One per thread, so that threads do not contend for its reference count.
pub(crate) struct HandlerContext(pub(super) Arc<Rules>);

pub(crate) struct Rules {
    pub(super) paths: PathsByIssuer,
    pub(crate) clock: Arc<dyn Clock>,
    /// Issuers declared to issue only verified email addresses.
    pub(crate) email_verifiers: Vec<Box<str>>,
    pub(crate) realm: String,
    /// What the challenges offer beside bearer tokens.
    pub(crate) dpop: Option<Dpop>,
    pub(crate) hook: Option<Hook>,
    /// The `Vary` value: the request headers of all sources, `None` without any.
    pub(crate) vary: Option<String>,
    /// What a credential is checked with again.
    pub(crate) routing: Arc<Routing>,
    pub(crate) sessions: Option<Sessions>,
    /// The protected resource whose metadata challenges name.
    pub(crate) resource: Option<ProtectedResource>,
}

impl HandlerContext {
    pub(super) fn new(rules: &Arc<Rules>) -> Self {
        Self(rules.clone())
    }

    /// Returns the policies' view of an issuer's claims, of a token or of a session.
    pub(super) fn subject<'a>(
        &'a self,
        issuer: Option<&str>,
        token: Option<&Verified>,
        claims: &'a ClaimIndex,
    ) -> Subject<'a> {
        Subject::new(claims, self.0.paths.of(issuer, token), &*self.0.clock)
    }

    /// Whether the issuer is declared to issue only verified email addresses.
    pub(super) fn verifies_emails(&self, issuer: Option<&str>) -> bool {
        let mut declared = self.0.email_verifiers.iter();
        issuer.is_some_and(|issuer| declared.any(|one| **one == *issuer))
    }

    pub(super) fn vary(&self) -> Option<&str> {
        self.0.vary.as_deref()
    }

    /// Returns the response to an error, after the application's hook, and logs the error.
    pub(super) fn challenge(&self, error: &Error) -> AuthResponse {
        telemetry::refused(error);
        self.answer(error)
    }

    /// Returns the response to an error that is logged already.
    pub(super) fn answer(&self, error: &Error) -> AuthResponse {
        let resource = self.0.resource.as_ref().map(ProtectedResource::challenge);
        let challenge = AuthResponse::for_resource(error, &self.0.realm, resource);
        let challenge = match &self.0.dpop {
            Some(dpop) => dpop.challenge(error, challenge),
            None => challenge,
        };
        match &self.0.hook {
            Some(hook) => hook(error, challenge),
            None => challenge,
        }
    }
}
