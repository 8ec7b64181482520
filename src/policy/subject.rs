//! Who is asked about.

use super::claim_paths::{ClaimPaths, Place};
use super::claims::{Claim, ClaimIndex, Places};
use crate::core::clock::Clock;
use crate::core::error::Error;
use crate::token::verified::Verified;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// Who a policy is asked about: the claims, where to find what in them, and the time.
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
    paths: &'a ClaimPaths,
    clock: &'a dyn Clock,
    resource: Option<&'a ClaimIndex>,
    /// When the session's login was, Unix time.
    login: Option<Duration>,
    /// Whether the issuer names verified addresses only, so that no claim has to say so.
    issuer_verifies_emails: bool,
    /// What the paths lead to, where that is known.
    places: Option<&'a Places>,
}

impl<'a> Subject<'a> {
    /// Somebody with these claims.
    pub fn new(claims: &'a ClaimIndex, paths: &'a ClaimPaths, clock: &'a dyn Clock) -> Self {
        Self {
            claims,
            paths,
            clock,
            resource: None,
            login: None,
            issuer_verifies_emails: false,
            places: claims.places(paths),
        }
    }

    /// The sender of a token. Its claims are indexed once and kept as long as the token is cached.
    ///
    /// # Errors
    /// [`ErrorKind::ClaimsMismatch`](crate::ErrorKind::ClaimsMismatch), which no verified token
    /// leads to.
    pub fn of(
        token: &'a Verified,
        paths: &'a ClaimPaths,
        clock: &'a dyn Clock,
    ) -> Result<Self, Error> {
        Ok(Self::new(token.claims()?, paths, clock)
            .with_issuer_verifies_emails(token.issuer_verifies_emails()))
    }

    /// The same, asked about a resource with these attributes.
    #[must_use]
    pub fn about(self, resource: &'a ClaimIndex) -> Self {
        Self {
            resource: Some(resource),
            ..self
        }
    }

    /// The same, of a session whose login is known to be from then.
    #[must_use]
    pub(crate) fn logged_in(self, at: Option<Duration>) -> Self {
        Self { login: at, ..self }
    }

    /// The same, of an issuer that is declared to verify every address, or is not.
    #[must_use]
    pub(crate) fn with_issuer_verifies_emails(self, declared: bool) -> Self {
        Self {
            issuer_verifies_emails: declared,
            ..self
        }
    }

    /// The claims.
    #[inline]
    pub fn claims(&self) -> &'a ClaimIndex {
        self.claims
    }

    /// The attributes of the resource, where the question is about one.
    pub fn resource(&self) -> Option<&'a ClaimIndex> {
        self.resource
    }

    /// The e-mail address, where the issuer says that it is verified.
    pub(crate) fn verified_email(&self) -> Option<&'a str> {
        super::leaf::verified_email(self)
    }

    #[inline]
    pub(super) fn issuer_verifies_emails(&self) -> bool {
        self.issuer_verifies_emails
    }

    #[inline]
    pub(super) fn paths(&self) -> &'a ClaimPaths {
        self.paths
    }

    /// The claim at one of the paths.
    #[inline]
    pub(super) fn at(&self, place: usize) -> Option<Claim<'a>> {
        match self.places {
            Some(places) => self.claims.at(places, place),
            None => self.claims.find(self.paths.all().get(place)?),
        }
    }

    /// Whether the claim at one of the paths is like this.
    #[inline(always)]
    pub(super) fn any_at(&self, places: Range<usize>, is: impl Fn(Claim<'a>) -> bool) -> bool {
        // `Range::any` is not inlined.
        for place in places {
            if self.at(place).is_some_and(&is) {
                return true;
            }
        }
        false
    }

    #[inline]
    pub(super) fn standard(&self, place: Place) -> Option<Claim<'a>> {
        self.at(place as usize)
    }

    pub(super) fn login(&self) -> Option<Duration> {
        self.login
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.now()
    }
}

impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}
