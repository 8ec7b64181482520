//! Who sent the request.

#[cfg(feature = "tower")]
use super::gate::{Attached, Outcome};
use crate::core::error::Error;
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
///     identity.credential() != CredentialKind::Cookie
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
    /// Given to [`Authenticator::authenticate`](crate::Authenticator::authenticate).
    Direct,
}

/// Who sent the request: the verified token and where it was found.
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
    verified: Verified,
    credential: CredentialKind,
}

impl Identity {
    pub(crate) fn new(verified: Verified, credential: CredentialKind) -> Self {
        Self {
            verified,
            credential,
        }
    }

    /// The token behind it.
    pub fn token(&self) -> &Verified {
        &self.verified
    }

    /// Where the credential was found.
    pub fn credential(&self) -> CredentialKind {
        self.credential
    }

    /// The `iss` claim.
    pub fn issuer(&self) -> Option<&str> {
        self.verified.issuer()
    }

    /// The `sub` claim. JAM tokens have none: their users are known by `email`.
    pub fn subject(&self) -> Option<&str> {
        self.verified.subject()
    }

    /// The claims decoded into `T`, shared.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`](crate::ErrorKind::ClaimsMismatch) where they are no `T`.
    pub fn claims<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<&T, Error> {
        self.verified.claims()
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
