//! The claim paths that policies read, by issuer.

use super::path::ClaimPath;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Paths to the claims that hold scopes, roles, permissions and the e-mail address.
///
/// Scopes and permissions are read from a list or a space-separated string; roles from a list, or
/// from a string that is one role.
///
/// # Example
/// ```
/// use jamguard::policy::{ClaimPath, ClaimPaths};
///
/// let keycloak = ClaimPaths::keycloak();
/// // Keycloak's client roles in addition to its realm roles:
/// let with_client = ClaimPaths::keycloak().roles(["realm_access.roles", "resource_access.shop.roles"]);
/// // A claim whose name contains dots:
/// let namespaced = ClaimPaths::default().roles([ClaimPath::from(["https://example.com/roles"])]);
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct ClaimPaths {
    /// Every path: the [standard ones](StandardClaim) first, then the ranges below.
    pub(super) all: Vec<ClaimPath>,
    pub(super) scopes: Range<usize>,
    pub(super) roles: Range<usize>,
    /// Objects whose members are named like roles.
    pub(super) role_members: Range<usize>,
    pub(super) permissions: Range<usize>,
    pub(super) email_verified: Range<usize>,
    pub(super) acr_values: Vec<Box<str>>,
    /// Each narrower scope with a broader one that implies it, directly or over others.
    implied_scopes: Vec<(Box<str>, Box<str>)>,
    /// Shared with clones only: cached lookups are valid for one configuration.
    pub(super) id: u64,
}

/// Standard claims, by index into [`ClaimPaths::all`].
#[derive(Clone, Copy)]
pub(super) enum StandardClaim {
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

/// Claims for a verified address.
///
/// OpenID Connect Core; better-auth and Firebase; Microsoft Entra ID; Google's older userinfo.
const EMAIL_VERIFIED: [&str; 4] = ["email_verified", "emailVerified", "xms_edov", "verified_email"];

/// The `acr` of a two-factor login (OpenID PAPE 1.0), which several issuers accept in `acr_values`.
const MULTI_FACTOR: &str = "http://schemas.openid.net/pape/policies/2007/06/multi-factor";

/// The claim with the roles of a user in the project of a ZITADEL token.
const ZITADEL_ROLES: &str = "urn:zitadel:iam:org:project:roles";
/// No paths.
const NONE: [&str; 0] = [];

impl Default for ClaimPaths {
    /// Reads the names that the common issuers use.
    ///
    /// Scopes from `scope` (RFC 9068) or `scp` (Microsoft Entra ID, Okta), roles from `roles`,
    /// permissions from `permissions` (Auth0), and whether the e-mail address is verified from
    /// `email_verified`, `emailVerified`, `xms_edov` (Microsoft Entra ID) or `verified_email`.
    fn default() -> Self {
        let none = Self {
            all: STANDARD.map(ClaimPath::from).into(),
            scopes: 0..0,
            roles: 0..0,
            role_members: 0..0,
            permissions: 0..0,
            email_verified: 0..0,
            acr_values: vec![MULTI_FACTOR.into()],
            implied_scopes: Vec::new(),
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
    /// Returns the paths for Keycloak: realm roles in `realm_access.roles`.
    pub fn keycloak() -> Self {
        Self::default().roles(["realm_access.roles"])
    }

    /// Returns the paths for Amazon Cognito: groups in `cognito:groups`, read as roles.
    pub fn cognito() -> Self {
        Self::default().roles(["cognito:groups"])
    }

    /// Returns the paths for ZITADEL: the roles in the project that the token is for.
    pub fn zitadel() -> Self {
        Self::default().roles(NONE).role_members([ClaimPath::from([ZITADEL_ROLES])])
    }

    /// Returns whether both read the same claims, in the same way.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let parts = |paths: &Self| {
            let Self { scopes, roles, role_members, permissions, email_verified, .. } = paths;
            let ranges = [scopes, roles, role_members, permissions, email_verified];
            ranges.map(|range| paths.all.get(range.clone()).map(<[_]>::to_vec))
        };
        let standard = |paths: &Self| paths.all.get(..STANDARD.len()).map(<[_]>::to_vec);
        let implied = |paths: &Self| paths.implied_scopes.iter().cloned().collect::<BTreeSet<_>>();
        parts(self) == parts(other)
            && standard(self) == standard(other)
            && self.acr_values == other.acr_values
            && implied(self) == implied(other)
    }

    /// Reads scopes from these claims only.
    pub fn scopes<P: Into<ClaimPath>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.scopes = self.add(paths);
        self
    }

    /// Reads roles from these claims only.
    pub fn roles<P: Into<ClaimPath>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.roles = self.add(paths);
        self
    }

    /// Reads roles also from the names of the members of these objects.
    ///
    /// ZITADEL writes its roles so: `{"editor": {"3208…": "acme.example.com"}}`.
    pub fn role_members<P: Into<ClaimPath>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.role_members = self.add(paths);
        self
    }

    /// Reads permissions from these claims only.
    pub fn permissions<P: Into<ClaimPath>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.permissions = self.add(paths);
        self
    }

    /// Reads the e-mail address and whether it is verified from these two claims only.
    pub fn email(mut self, email: impl Into<ClaimPath>, verified: impl Into<ClaimPath>) -> Self {
        self.all[StandardClaim::Email as usize] = email.into();
        self.email_verified([verified.into()])
    }

    /// Reads whether the e-mail address is verified from these claims only.
    ///
    /// An address is verified if at least one of them is present and all that are present are
    /// `true` or the text `"true"`. For issuers without such a claim see
    /// [`VerifierBuilder::issuer_verifies_emails`].
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

    /// Sets the `acr` values that mean two factors.
    ///
    /// Clients that lack the second factor receive them in the challenge (RFC 9470). Default: the
    /// multi-factor value of OpenID's authentication policies (PAPE).
    pub fn acr_values<V: Into<String>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        self.acr_values = values.into_iter().map(|value| value.into().into()).collect();
        self
    }

    /// Declares that a broader scope implies narrower ones: a hierarchy of scopes.
    ///
    /// A token with the broader scope then satisfies [`scope`](super::scope) of each narrower one,
    /// and of those that they imply. A denial names the scope that the policy names. Call it again
    /// for each broader scope. Default: no scope implies another.
    ///
    /// ```
    /// use jamguard::SystemClock;
    /// use jamguard::policy::{ClaimIndex, ClaimPaths, Subject, scope};
    /// use std::collections::BTreeMap;
    ///
    /// let paths = ClaimPaths::default()
    ///     .scope_implies("notes.admin", ["notes.write"])
    ///     .scope_implies("notes.write", ["notes.read"]);
    /// let claims = ClaimIndex::of(&BTreeMap::from([("scope", "notes.admin")]))?;
    /// let admin = Subject::new(&claims, &paths, &SystemClock);
    /// assert!(scope("notes.read").check(&admin).is_ok());
    /// # Ok::<(), jamguard::Error>(())
    /// ```
    pub fn scope_implies<N: Into<String>>(
        mut self,
        broader: impl Into<String>,
        narrower: impl IntoIterator<Item = N>,
    ) -> Self {
        let broader = broader.into();
        for narrower in narrower {
            let narrower = narrower.into();
            let with = |own: &str, others: Vec<Box<str>>| [vec![own.into()], others].concat();
            let above = with(&broader, self.broader_scopes(&broader).map(Into::into).collect());
            let narrower_ones = self.implied_scopes.iter().filter(|(_, by)| **by == *narrower);
            let below = with(&narrower, narrower_ones.map(|(scope, _)| scope.clone()).collect());
            for pair in below.iter().flat_map(|scope| above.iter().map(move |by| (scope, by))) {
                let pair = (pair.0.clone(), pair.1.clone());
                if pair.0 != pair.1 && !self.implied_scopes.contains(&pair) {
                    self.implied_scopes.push(pair);
                }
            }
        }
        self
    }

    /// Returns the scopes that imply this one.
    pub(super) fn broader_scopes(&self, scope: &str) -> impl Iterator<Item = &str> {
        let implied = self.implied_scopes.iter().filter(move |(implied, _)| **implied == *scope);
        implied.map(|(_, broader)| &**broader)
    }
}
