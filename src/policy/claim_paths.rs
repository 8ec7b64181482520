//! Where issuers write what policies ask for.

use super::path::ClaimPath;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where in the claims scopes, roles and the like stand.
///
/// Scopes and permissions are read from a list, or from a text with spaces in between; roles from a
/// list, or from a text that is one role.
///
/// # Example
/// ```
/// use jamguard::policy::{ClaimPath, ClaimPaths};
///
/// let keycloak = ClaimPaths::keycloak();
/// // The roles that a client of Keycloak has of its own, beside those of the realm:
/// let with_client = ClaimPaths::keycloak().roles(["realm_access.roles", "resource_access.shop.roles"]);
/// // A claim whose name has dots in it:
/// let namespaced = ClaimPaths::default().roles([ClaimPath::from(["https://example.com/roles"])]);
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct ClaimPaths {
    /// Every path: the [standard ones](Place) first, then those of the ranges below.
    all: Vec<ClaimPath>,
    scopes: Range<usize>,
    roles: Range<usize>,
    permissions: Range<usize>,
    email_verified: Range<usize>,
    acr_values: Vec<Box<str>>,
    /// Of this configuration and its clones alone, so that what was found by it is known.
    id: u64,
}

/// Claims of which there is one, by their place among the paths.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Subject,
    Issuer,
    IssuedAt,
    AuthTime,
    Acr,
    Amr,
    Email,
}

/// Their names in RFC 7519, RFC 8176 and OpenID Connect Core.
const STANDARD: [&str; 7] = ["sub", "iss", "iat", "auth_time", "acr", "amr", "email"];

/// Names under which issuers say that they verified the address: OpenID Connect Core, better-auth and
/// Firebase, Microsoft Entra ID, Google's older userinfo.
const EMAIL_VERIFIED: [&str; 4] = [
    "email_verified",
    "emailVerified",
    "xms_edov",
    "verified_email",
];

/// What OpenID's Provider Authentication Policy Extension calls a login with two factors, and
/// several issuers take in `acr_values`.
const MULTI_FACTOR: &str = "http://schemas.openid.net/pape/policies/2007/06/multi-factor";

impl Default for ClaimPaths {
    /// Scopes in `scope` (RFC 9068) or `scp` (Microsoft Entra ID, Okta), roles in `roles`,
    /// permissions in `permissions` (Auth0). Whether the e-mail address is verified stands in
    /// `email_verified`, `emailVerified`, `xms_edov` (Microsoft Entra ID) or `verified_email`.
    fn default() -> Self {
        let none = Self {
            all: STANDARD.map(ClaimPath::from).into(),
            scopes: 0..0,
            roles: 0..0,
            permissions: 0..0,
            email_verified: 0..0,
            acr_values: vec![MULTI_FACTOR.into()],
            id: new_id(),
        };
        none.scopes(["scope", "scp"])
            .roles(["roles"])
            .permissions(["permissions"])
            .email_verified(EMAIL_VERIFIED)
    }
}

fn new_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl ClaimPaths {
    /// Keycloak: the roles of the realm, in `realm_access.roles`.
    pub fn keycloak() -> Self {
        Self::default().roles(["realm_access.roles"])
    }

    /// Amazon Cognito: groups as roles, in `cognito:groups`.
    pub fn cognito() -> Self {
        Self::default().roles(["cognito:groups"])
    }

    /// Scopes stand in these claims and in no others.
    pub fn scopes<P: Into<ClaimPath>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.scopes = self.add(paths);
        self
    }

    /// Roles stand in these claims and in no others.
    pub fn roles<P: Into<ClaimPath>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.roles = self.add(paths);
        self
    }

    /// Permissions stand in these claims and in no others.
    pub fn permissions<P: Into<ClaimPath>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.permissions = self.add(paths);
        self
    }

    /// The e-mail address stands here, and whether it is verified there.
    pub fn email(mut self, email: impl Into<ClaimPath>, verified: impl Into<ClaimPath>) -> Self {
        self.all[Place::Email as usize] = email.into();
        self.email_verified([verified.into()])
    }

    /// Whether the e-mail address is verified stands in these claims and in no others.
    ///
    /// An address counts where one of them at least is there, and all that are there are `true` or
    /// the text `"true"`. [`VerifierBuilder::issuer_verifies_emails`] is for issuers without such a
    /// claim.
    ///
    /// [`VerifierBuilder::issuer_verifies_emails`]: crate::VerifierBuilder::issuer_verifies_emails
    pub fn email_verified<P: Into<ClaimPath>>(
        mut self,
        paths: impl IntoIterator<Item = P>,
    ) -> Self {
        self.email_verified = self.add(paths);
        self
    }

    fn add<P: Into<ClaimPath>>(&mut self, paths: impl IntoIterator<Item = P>) -> Range<usize> {
        let first = self.all.len();
        self.all.extend(paths.into_iter().map(Into::into));
        self.id = new_id();
        first..self.all.len()
    }

    /// The values of `acr` that stand for two factors; a client that lacks the second is told these
    /// (RFC 9470). By default that of OpenID's authentication policies.
    pub fn acr_values<V: Into<String>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        self.acr_values = values
            .into_iter()
            .map(|value| value.into().into())
            .collect();
        self
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn all(&self) -> &[ClaimPath] {
        &self.all
    }

    #[inline]
    pub(super) fn places_of_scopes(&self) -> Range<usize> {
        self.scopes.clone()
    }

    #[inline]
    pub(super) fn places_of_roles(&self) -> Range<usize> {
        self.roles.clone()
    }

    #[inline]
    pub(super) fn places_of_permissions(&self) -> Range<usize> {
        self.permissions.clone()
    }

    #[inline]
    pub(super) fn places_of_email_verified(&self) -> Range<usize> {
        self.email_verified.clone()
    }

    pub(super) fn strong_classes(&self) -> &[Box<str>] {
        &self.acr_values
    }
}
