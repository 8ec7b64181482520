//! The [`Require`] extractor: a policy in a handler's signature.

use super::attached::Attached;
use crate::authenticator::identity::Identity;
use crate::authenticator::rejection::AuthRejection;
use crate::core::{Error, ErrorKind};
use crate::policy::Policy;
use crate::token::claim_set::Decoded;
use std::{fmt, marker::PhantomData, ops::Deref, sync::LazyLock};

/// A policy with a type as its name, for [`Require`].
///
/// # Example
/// ```
/// use jamguard::policy::{Policy, email_domain, role};
/// use jamguard::NamedPolicy;
///
/// struct Admin;
///
/// impl NamedPolicy for Admin {
///     fn policy() -> Policy {
///         role("admin") | email_domain("example.com")
///     }
/// }
/// ```
pub trait NamedPolicy: 'static {
    /// Returns the policy. Called once per process.
    fn policy() -> Policy;
}

/// An extractor that yields the [`Identity`] if the policy of the [`NamedPolicy`] `G` allows it.
///
/// For axum and actix-web, behind the layer. It answers as
/// [`Authenticator::require`](crate::Authenticator::require) does. Extractors run in the order of
/// the handler's arguments: put it before the one that reads the body. A guard around the route
/// always runs before.
///
/// # Example
/// ```
/// use jamguard::{NamedPolicy, Require, policy::{Policy, role}};
///
/// struct Admin;
/// impl NamedPolicy for Admin { fn policy() -> Policy { role("admin") } }
///
/// async fn reboot(admin: Require<Admin>) -> String {
///     format!("as {} wishes", admin.subject().unwrap_or("the admin"))
/// }
/// ```
pub struct Require<G> {
    identity: Identity,
    of: PhantomData<fn() -> G>,
}

impl<G> Require<G> {
    /// Returns the identity.
    pub fn into_identity(self) -> Identity {
        self.identity
    }
}

impl<G> Deref for Require<G> {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

impl<G> Clone for Require<G> {
    fn clone(&self) -> Self {
        Self { identity: self.identity.clone(), of: PhantomData }
    }
}

impl<G> fmt::Debug for Require<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Require").field(&self.identity).finish()
    }
}

/// The cached policy of a guard.
struct Built<G> {
    policy: Policy,
    of: PhantomData<fn() -> G>,
}

/// Returns the policy of a guard, built once. Lock-free, since every request reads it.
fn policy_of<G: NamedPolicy>() -> Result<&'static Policy, Error> {
    static BUILT: LazyLock<Decoded> = LazyLock::new(Decoded::default);
    if BUILT.get::<Built<G>>().is_none() {
        BUILT.insert(Built::<G> { policy: G::policy(), of: PhantomData });
    }
    match BUILT.get::<Built<G>>() {
        Some(built) => Ok(&built.policy),
        // Unreachable: it was inserted above.
        None => Err(Error::new(ErrorKind::Internal, "a guard has no policy")),
    }
}

impl<G: NamedPolicy> Require<G> {
    /// Returns the identity and the policy to check.
    pub(crate) fn question(
        attached: &Attached,
    ) -> Result<(Identity, &'static Policy), AuthRejection> {
        let identity = attached.identity()?.clone();
        match policy_of::<G>() {
            Ok(policy) => Ok((identity, policy)),
            Err(error) => Err(identity.rejection(error)),
        }
    }

    /// Checks a synchronous policy.
    #[cfg(feature = "actix")]
    pub(crate) fn ask(
        (identity, policy): (Identity, &'static Policy),
    ) -> Result<Self, AuthRejection> {
        identity.check(policy)?;
        Ok(Self { identity, of: PhantomData })
    }

    pub(crate) async fn ask_async(
        (identity, policy): (Identity, &'static Policy),
    ) -> Result<Self, AuthRejection> {
        identity.check_async(policy).await?;
        Ok(Self { identity, of: PhantomData })
    }
}
