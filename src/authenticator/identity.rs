//! Who sent the request.

use super::judge::Judge;
use super::refused::Refused;
use crate::core::error::Error;
use crate::policy::{ClaimIndex, Explanation, Policy, Subject};
use crate::token::claim_set::{ClaimSet, Claimed};
use crate::token::verified::Verified;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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
#[derive(Clone)]
pub struct Identity {
    claimed: Claimed,
    credential: CredentialKind,
    judge: Arc<Judge>,
    /// When a session's login was, Unix time; tokens say it themselves.
    login: Option<Duration>,
}

impl Identity {
    pub(super) fn new(claimed: Claimed, credential: CredentialKind, judge: Arc<Judge>) -> Self {
        Self {
            claimed,
            credential,
            judge,
            login: None,
        }
    }

    /// The same, of a session whose login was then.
    #[cfg(feature = "session")]
    pub(super) fn logged_in(self, at: Duration) -> Self {
        Self {
            login: Some(at),
            ..self
        }
    }

    /// The token behind it, whose claims are those that were signed; `None` where it is a session.
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

    /// Puts these claims in the place of its own.
    pub(super) fn enrich(&mut self, set: Arc<ClaimSet>) {
        self.claimed.enrich(set);
    }

    /// The e-mail address, where the issuer says that it is verified.
    pub(crate) fn verified_email(&self) -> Option<&str> {
        self.judged().ok()?.verified_email()
    }

    pub(super) fn set(&self) -> &ClaimSet {
        self.claimed.set()
    }

    #[cfg(any(feature = "axum", feature = "actix"))]
    pub(super) fn claimed(&self) -> &Claimed {
        &self.claimed
    }
}

/// Whether somebody may do something, asked by handlers that know more than a guard does.
impl Identity {
    /// Asks a policy about this identity: `Ok` where it consents.
    ///
    /// ```
    /// use jamguard::{Identity, Refused, policy::role};
    ///
    /// async fn close_books(identity: Identity) -> Result<&'static str, Refused> {
    ///     identity.check(&role("accountant"))?;
    ///     Ok("closed")
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Policy::check`]. [`Refused`] is the answer, with the authenticator's realm and
    /// [hook](crate::AuthenticatorBuilder::on_refusal).
    pub fn check(&self, policy: &Policy) -> Result<(), Refused> {
        let answer = self.judged().and_then(|subject| policy.check(&subject));
        answer.map_err(|error| self.refused(error))
    }

    /// The same about a resource: conditions of [`resource`](crate::policy::resource()) look at
    /// these attributes, which are anything that serializes to a JSON object.
    ///
    /// ```
    /// use jamguard::{Identity, Refused, policy::{resource, role}};
    ///
    /// #[derive(serde::Serialize)]
    /// struct Document { owner: String, text: String }
    ///
    /// async fn delete(identity: Identity, document: Document) -> Result<(), Refused> {
    ///     let policy = resource("owner").is_claim("sub") | role("editor");
    ///     identity.check_with(&policy, &document)
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`check`](Self::check), and [`ErrorKind::Configuration`](crate::ErrorKind::Configuration)
    /// (500) where the attributes are no JSON object.
    pub fn check_with<R: Serialize + ?Sized>(
        &self,
        policy: &Policy,
        resource: &R,
    ) -> Result<(), Refused> {
        let answer = attributes(resource)
            .and_then(|attributes| policy.check(&self.judged()?.about(&attributes)));
        answer.map_err(|error| self.refused(error))
    }

    /// [`check`](Self::check) for a policy that may have to [wait](Policy::is_async).
    ///
    /// # Errors
    /// As [`Policy::check_async`].
    pub async fn check_async(&self, policy: &Policy) -> Result<(), Refused> {
        let answer = match self.judged() {
            Ok(subject) => policy.check_async(&subject).await,
            Err(error) => Err(error),
        };
        answer.map_err(|error| self.refused(error))
    }

    /// [`check_with`](Self::check_with) for a policy that may have to [wait](Policy::is_async).
    ///
    /// # Errors
    /// As [`check_with`](Self::check_with) and [`Policy::check_async`].
    pub async fn check_with_async<R: Serialize + ?Sized>(
        &self,
        policy: &Policy,
        resource: &R,
    ) -> Result<(), Refused> {
        let attributes = attributes(resource).map_err(|error| self.refused(error))?;
        let subject = self.judged().map_err(|error| self.refused(error))?;
        let answer = policy.check_async(&subject.about(&attributes)).await;
        answer.map_err(|error| self.refused(error))
    }

    /// Why a policy lets this identity in or does not: for logs and tests.
    ///
    /// # Errors
    /// None that a verified token or a session leads to.
    pub fn explain(&self, policy: &Policy) -> Result<Explanation, Error> {
        Ok(policy.explain(&self.judged()?))
    }

    /// As policies see it.
    pub(super) fn judged(&self) -> Result<Subject<'_>, Error> {
        // A session's claims are those of the token that it began with.
        let verifies_emails = match self.token() {
            Some(token) => token.issuer_verifies_emails(),
            None => self.judge.verifies_emails(self.issuer()),
        };
        let subject = self.judge.subject(self.claims()?);
        Ok(subject
            .with_issuer_verifies_emails(verifies_emails)
            .logged_in(self.login))
    }

    pub(super) fn refused(&self, error: Error) -> Refused {
        Refused::new(Some(&self.judge), error)
    }
}

/// What a policy may ask about a resource. That it cannot be asked is not the client's fault.
fn attributes<R: Serialize + ?Sized>(resource: &R) -> Result<ClaimIndex, Error> {
    ClaimIndex::of(resource).map_err(|_| {
        Error::configuration(
            "the resource that a policy is asked about is no JSON object: give a struct or a map with \
             text keys",
        )
    })
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("claimed", &self.claimed)
            .field("credential", &self.credential)
            .finish()
    }
}
