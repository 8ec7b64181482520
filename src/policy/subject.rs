//! The input of a policy's evaluation.

use super::claim_paths::{ClaimPaths, StandardClaim};
use super::claims::{Claim, ClaimIndex, PathLookups};
use crate::core::{Clock, Error};
use crate::token::verified::Verified;
use std::{fmt, ops::Range, time::Duration};

/// The identity that a policy is evaluated for: its claims, the paths into them, and the time.
///
/// # Example
/// ```
/// use jamguard::SystemClock;
/// use jamguard::policy::{ClaimIndex, ClaimPaths, Subject, resource, role};
/// use std::collections::BTreeMap;
///
/// let claims = ClaimIndex::of(&BTreeMap::from([("sub", "42"), ("roles", "editor")]))?;
/// let paths = ClaimPaths::default();
/// let user = Subject::new(&claims, &paths, &SystemClock);
/// assert!(role("editor").check(&user).is_ok());
///
/// let document = ClaimIndex::of(&BTreeMap::from([("owner", "42")]))?;
/// assert!(resource("owner").is_claim("sub").check(&user.about(&document)).is_ok());
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    claims: &'a ClaimIndex,
    pub(super) paths: &'a ClaimPaths,
    clock: &'a dyn Clock,
    resource: Option<&'a ClaimIndex>,
    /// Time of the session's login, as Unix time.
    pub(super) login: Option<Duration>,
    /// Whether the issuer sends verified addresses only, so that no claim has to say so.
    pub(super) issuer_verifies_emails: bool,
    /// Cached lookups of the paths, if they belong to these paths.
    lookups: Option<&'a PathLookups>,
}

impl<'a> Subject<'a> {
    /// Returns a subject with these claims.
    pub fn new(claims: &'a ClaimIndex, paths: &'a ClaimPaths, clock: &'a dyn Clock) -> Self {
        Self {
            claims,
            paths,
            clock,
            resource: None,
            login: None,
            issuer_verifies_emails: false,
            lookups: claims.lookups(paths),
        }
    }

    /// Returns the subject of a verified token.
    ///
    /// Its claims are indexed once and kept for as long as the token is cached.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`](crate::ErrorKind::ClaimsMismatch) if the claims cannot be
    /// indexed, which does not happen with a verified token.
    pub fn of(
        token: &'a Verified,
        paths: &'a ClaimPaths,
        clock: &'a dyn Clock,
    ) -> Result<Self, Error> {
        Ok(Self::new(token.claims()?, paths, clock)
            .with_issuer_verifies_emails(token.issuer_verifies_emails()))
    }

    /// Adds the attributes of the requested resource.
    #[must_use]
    pub fn about(self, resource: &'a ClaimIndex) -> Self {
        Self { resource: Some(resource), ..self }
    }

    /// Sets the time of the session's login, if known.
    #[must_use]
    pub(crate) fn logged_in(self, at: Option<Duration>) -> Self {
        Self { login: at, ..self }
    }

    /// Sets whether the issuer is declared to verify every address.
    #[must_use]
    pub(crate) fn with_issuer_verifies_emails(self, declared: bool) -> Self {
        Self { issuer_verifies_emails: declared, ..self }
    }

    /// Returns the claims.
    #[inline]
    pub fn claims(&self) -> &'a ClaimIndex {
        self.claims
    }

    /// Returns the attributes of the requested resource, if any.
    pub fn resource(&self) -> Option<&'a ClaimIndex> {
        self.resource
    }

    /// Returns the e-mail address if the issuer says that it is verified.
    pub(crate) fn verified_email(&self) -> Option<&'a str> {
        super::condition::verified_email(self)
    }

    /// Returns the claim at this index of the paths.
    #[inline]
    pub(super) fn at(&self, place: usize) -> Option<Claim<'a>> {
        match self.lookups {
            Some(lookups) => self.claims.at(lookups, place),
            None => self.claims.find(self.paths.all.get(place)?),
        }
    }

    /// Whether a claim at any of these indices satisfies the predicate.
    #[inline(always)]
    pub(super) fn any_at(&self, places: &Range<usize>, is: impl Fn(Claim<'a>) -> bool) -> bool {
        // A loop, because `Range::any` is not inlined.
        for place in places.clone() {
            if self.at(place).is_some_and(&is) {
                return true;
            }
        }
        false
    }

    /// Whether an object at any of these indices has a member of this name.
    pub(super) fn has_member(&self, places: &Range<usize>, name: &str) -> bool {
        let objects = self.paths.all.get(places.clone()).unwrap_or_default();
        objects.iter().any(|object| self.claims.find(&object.member(name)).is_some())
    }

    #[inline]
    pub(super) fn standard(&self, claim: StandardClaim) -> Option<Claim<'a>> {
        self.at(claim as usize)
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }
}

impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("claims", &self.claims).finish_non_exhaustive()
    }
}
