//! What is known besides an identity when a policy is asked about it, and how refusals are answered.

use crate::core::challenge::Challenge;
use crate::core::clock::Clock;
use crate::core::error::Error;
use crate::core::telemetry;
use crate::policy::{ClaimIndex, ClaimPaths, Subject};
use std::sync::Arc;

pub(crate) type Hook = Arc<dyn Fn(&Error, Challenge) -> Challenge + Send + Sync>;

/// Goes along with every identity, so that handlers can ask policies and answer as the layer does.
/// Each thread has its own, and what is behind it is only read.
pub(crate) struct Judge(Arc<Rules>);

pub(crate) struct Rules {
    pub(crate) paths: ClaimPaths,
    pub(crate) clock: Arc<dyn Clock>,
    /// Issuers that are declared to name verified e-mail addresses only.
    pub(crate) email_verifiers: Vec<Box<str>>,
    pub(crate) realm: String,
    pub(crate) hook: Option<Hook>,
}

impl Judge {
    pub(super) fn new(rules: &Arc<Rules>) -> Self {
        Self(rules.clone())
    }

    /// The holder of these claims, for policies.
    pub(super) fn subject<'a>(&'a self, claims: &'a ClaimIndex) -> Subject<'a> {
        Subject::new(claims, &self.0.paths, &*self.0.clock)
    }

    /// Whether the issuer is declared to name verified e-mail addresses only.
    pub(super) fn verifies_emails(&self, issuer: Option<&str>) -> bool {
        let mut declared = self.0.email_verifiers.iter();
        issuer.is_some_and(|issuer| declared.any(|one| **one == *issuer))
    }

    /// The answer to an error, as the application wants it.
    pub(super) fn challenge(&self, error: &Error) -> Challenge {
        telemetry::refused(error);
        self.answer(error)
    }

    /// The same for an error that was logged already.
    pub(super) fn answer(&self, error: &Error) -> Challenge {
        let challenge = Challenge::for_error(error, &self.0.realm);
        match &self.0.hook {
            Some(hook) => hook(error, challenge),
            None => challenge,
        }
    }
}
