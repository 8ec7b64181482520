//! The authenticated sender of a request.

use super::context::HandlerContext;
use super::rejection::AuthRejection;
use crate::core::Error;
use crate::policy::{ClaimIndex, Explanation, Policy, Subject};
use crate::session::Loaded;
use crate::token::{claim_set::ClaimSet, claims::Claimed, verified::Verified};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::{fmt, sync::Arc};

/// The kind of source that a credential came from.
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
    /// `Authorization: DPoP`, with the proof of the token's key.
    Dpop,
    /// A custom header.
    Header,
    /// A cookie.
    Cookie,
    /// A query parameter.
    Query,
    /// A subprotocol that a WebSocket client offered.
    WebSocket,
    /// The cookie of a server-side session.
    Session,
    /// A token passed to [`Authenticator::authenticate`](crate::Authenticator::authenticate).
    Direct,
}

/// The sender of a request: the claims of a verified token or session, and their source.
///
/// An extractor like [`Claims<T>`](crate::Claims), for handlers that do not need typed claims.
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
    pub(super) claimed: Claimed,
    credential: CredentialKind,
    pub(super) context: Arc<HandlerContext>,
    /// The session that the claims are of; `None` for a token.
    pub(super) session: Option<Loaded>,
}

impl Identity {
    pub(super) fn new(
        claimed: Claimed,
        credential: CredentialKind,
        session: Option<Loaded>,
        context: Arc<HandlerContext>,
    ) -> Self {
        Self { claimed, credential, context, session }
    }

    /// Returns the token, with its claims as signed; `None` for a session.
    pub fn token(&self) -> Option<&Verified> {
        self.claimed.token()
    }

    /// Returns the kind of source that the credential came from.
    pub fn credential(&self) -> CredentialKind {
        self.credential
    }

    /// Returns the `iss` claim.
    pub fn issuer(&self) -> Option<&str> {
        self.set().issuer()
    }

    /// Returns the `sub` claim. JAM tokens have none: they identify users by `email`.
    pub fn subject(&self) -> Option<&str> {
        self.set().subject()
    }

    /// Returns the claims decoded into `T`; the decoded value is cached and shared.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`](crate::ErrorKind::ClaimsMismatch) if they do not fit `T`.
    pub fn claims<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<&T, Error> {
        self.set().decode()
    }

    /// Returns the claims as JSON text.
    pub fn raw_claims(&self) -> &str {
        self.set().text()
    }

    /// Replaces the claims.
    pub(super) fn enrich(&mut self, set: Arc<ClaimSet>) {
        self.claimed.enrich(set);
    }

    /// Returns the email address, if the issuer declares it verified.
    pub(crate) fn verified_email(&self) -> Option<&str> {
        self.for_policies().ok()?.verified_email()
    }

    pub(super) fn set(&self) -> &ClaimSet {
        self.claimed.set()
    }
}

/// Authorization checks in handlers, which may know more than a guard.
impl Identity {
    /// Checks a policy against this identity.
    ///
    /// ```
    /// use jamguard::{Identity, AuthRejection, policy::role};
    ///
    /// async fn close_books(identity: Identity) -> Result<&'static str, AuthRejection> {
    ///     identity.check(&role("accountant"))?;
    ///     Ok("closed")
    /// }
    /// ```
    ///
    /// # Errors
    /// The errors of [`Policy::check`]. Returned from a handler, [`AuthRejection`] becomes the response,
    /// with the authenticator's realm and [hook](crate::AuthenticatorBuilder::on_refusal).
    pub fn check(&self, policy: &Policy) -> Result<(), AuthRejection> {
        let answer = self.for_policies().and_then(|subject| policy.check(&subject));
        answer.map_err(|error| self.rejection(error))
    }

    /// Checks a policy against this identity and a resource.
    ///
    /// Conditions on a [`resource`](crate::policy::resource()) read its attributes: any value that
    /// serializes to a JSON object.
    ///
    /// ```
    /// use jamguard::{Identity, AuthRejection, policy::{resource, role}};
    ///
    /// #[derive(serde::Serialize)]
    /// struct Document { owner: String, text: String }
    ///
    /// async fn delete(identity: Identity, document: Document) -> Result<(), AuthRejection> {
    ///     let policy = resource("owner").is_claim("sub") | role("editor");
    ///     identity.check_with(&policy, &document)
    /// }
    /// ```
    ///
    /// # Errors
    /// The errors of [`check`](Self::check), and
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) (500) if the resource is not a
    /// JSON object.
    pub fn check_with<R: Serialize + ?Sized>(
        &self,
        policy: &Policy,
        resource: &R,
    ) -> Result<(), AuthRejection> {
        let answer = attributes(resource)
            .and_then(|attributes| policy.check(&self.for_policies()?.about(&attributes)));
        answer.map_err(|error| self.rejection(error))
    }

    /// Checks a policy that may be [asynchronous](Policy::is_async); see [`check`](Self::check).
    ///
    /// # Errors
    /// The errors of [`Policy::check_async`].
    pub async fn check_async(&self, policy: &Policy) -> Result<(), AuthRejection> {
        let answer = match self.for_policies() {
            Ok(subject) => policy.check_async(&subject).await,
            Err(error) => Err(error),
        };
        answer.map_err(|error| self.rejection(error))
    }

    /// Checks a resource with a policy that may be [asynchronous](Policy::is_async).
    ///
    /// See [`check_with`](Self::check_with).
    ///
    /// # Errors
    /// The errors of [`check_with`](Self::check_with) and [`Policy::check_async`].
    pub async fn check_with_async<R: Serialize + ?Sized>(
        &self,
        policy: &Policy,
        resource: &R,
    ) -> Result<(), AuthRejection> {
        let attributes = attributes(resource).map_err(|error| self.rejection(error))?;
        let subject = self.for_policies().map_err(|error| self.rejection(error))?;
        let answer = policy.check_async(&subject.about(&attributes)).await;
        answer.map_err(|error| self.rejection(error))
    }

    /// Explains why a policy allows or denies this identity, for logs and tests.
    ///
    /// # Errors
    /// None for the claims of a verified token or a session.
    pub fn explain(&self, policy: &Policy) -> Result<Explanation, Error> {
        Ok(policy.explain(&self.for_policies()?))
    }

    /// Returns the policies' view of this identity.
    pub(super) fn for_policies(&self) -> Result<Subject<'_>, Error> {
        // A session keeps the claims of its login's token.
        let verifies_emails = match self.token() {
            Some(token) => token.issuer_verifies_emails(),
            None => self.context.verifies_emails(self.issuer()),
        };
        let subject = self.context.subject(self.issuer(), self.token(), self.claims()?);
        Ok(subject
            .with_issuer_verifies_emails(verifies_emails)
            .logged_in(self.session.as_ref().map(Loaded::login)))
    }

    pub(super) fn rejection(&self, error: Error) -> AuthRejection {
        AuthRejection::new(Some(&self.context), error)
    }
}

/// Serializes a resource for policies. A failure is the application's fault, not the client's.
fn attributes<R: Serialize + ?Sized>(resource: &R) -> Result<ClaimIndex, Error> {
    ClaimIndex::of(resource).map_err(|_| {
        Error::configuration(
            "the resource of a policy check is not a JSON object: give a struct or a map with text \
             keys",
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
