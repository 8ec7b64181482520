//! Who sent the request.

#[cfg(feature = "tower")]
use super::gate::{Attached, Outcome};
use crate::core::error::Error;
use crate::token::claim_set::{ClaimSet, Claimed};
use crate::token::verified::Verified;
use serde::de::DeserializeOwned;

/// Where a credential was found.
///
/// # Example
/// ```
/// use jamguard::{CredentialKind, Identity};
///
/// // Browsers send cookies unasked, also for other sites' pages.
/// fn sent_by_a_script(identity: &Identity) -> bool {
///     !matches!(identity.credential(), CredentialKind::Cookie | CredentialKind::Session)
/// }
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// `Authorization: Bearer`.
    Bearer,
    /// A header of the application's own.
    Header,
    /// A cookie.
    Cookie,
    /// A query parameter.
    Query,
    /// The cookie of a session that is kept on the server.
    Session,
    /// Given to [`Authenticator::authenticate`](crate::Authenticator::authenticate).
    Direct,
}

/// Who sent the request: the claims of a verified token or of a session, and where they were found.
///
/// An extractor like [`Claims<T>`](crate::Claims), for handlers that need no typed claims.
///
/// # Example
/// ```
/// use jamguard::Identity;
///
/// async fn whoami(identity: Identity) -> String {
///     format!("{:?} by {:?}", identity.subject(), identity.credential())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Identity {
    claimed: Claimed,
    credential: CredentialKind,
}

impl Identity {
    pub(crate) fn new(claimed: Claimed, credential: CredentialKind) -> Self {
        Self {
            claimed,
            credential,
        }
    }

    /// The token behind it; `None` where it is a session.
    pub fn token(&self) -> Option<&Verified> {
        self.claimed.token()
    }

    /// Where the credential was found.
    pub fn credential(&self) -> CredentialKind {
        self.credential
    }

    /// The `iss` claim.
    pub fn issuer(&self) -> Option<&str> {
        self.set().issuer()
    }

    /// The `sub` claim. JAM tokens have none: their users are known by `email`.
    pub fn subject(&self) -> Option<&str> {
        self.set().subject()
    }

    /// The claims decoded into `T`, shared.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`](crate::ErrorKind::ClaimsMismatch) where they are no `T`.
    pub fn claims<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<&T, Error> {
        self.set().decode()
    }

    /// The claims as JSON text.
    pub fn raw_claims(&self) -> &str {
        self.set().text()
    }

    fn set(&self) -> &ClaimSet {
        self.claimed.set()
    }

    #[cfg(any(feature = "axum", feature = "actix"))]
    pub(super) fn claimed(&self) -> &Claimed {
        &self.claimed
    }
}

#[cfg(feature = "tower")]
impl Attached {
    /// The identity, for whoever can do without.
    pub(crate) fn known(&self) -> Option<&Identity> {
        match &self.outcome {
            Outcome::Known(identity) => Some(identity),
            _ => None,
        }
    }
}
