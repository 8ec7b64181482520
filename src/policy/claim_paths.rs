//! Where issuers write what policies ask for.

use super::path::ClaimPath;

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
    pub(super) scopes: Vec<ClaimPath>,
    pub(super) roles: Vec<ClaimPath>,
    pub(super) permissions: Vec<ClaimPath>,
    pub(super) email: ClaimPath,
    pub(super) email_verified: ClaimPath,
    pub(super) acr_values: Vec<Box<str>>,
    // What these claims are called is a standard: RFC 7519, OpenID Connect Core, RFC 8176.
    pub(super) subject: ClaimPath,
    pub(super) issuer: ClaimPath,
    pub(super) issued_at: ClaimPath,
    pub(super) auth_time: ClaimPath,
    pub(super) acr: ClaimPath,
    pub(super) amr: ClaimPath,
}

/// What OpenID's Provider Authentication Policy Extension calls a login with two factors, and
/// several issuers take in `acr_values`.
const MULTI_FACTOR: &str = "http://schemas.openid.net/pape/policies/2007/06/multi-factor";

impl Default for ClaimPaths {
    /// Scopes in `scope` (RFC 9068) or `scp` (Microsoft Entra ID, Okta), roles in `roles`,
    /// permissions in `permissions` (Auth0).
    fn default() -> Self {
        Self {
            scopes: vec!["scope".into(), "scp".into()],
            roles: vec!["roles".into()],
            permissions: vec!["permissions".into()],
            email: "email".into(),
            email_verified: "email_verified".into(),
            acr_values: vec![MULTI_FACTOR.into()],
            subject: "sub".into(),
            issuer: "iss".into(),
            issued_at: "iat".into(),
            auth_time: "auth_time".into(),
            acr: "acr".into(),
            amr: "amr".into(),
        }
    }
}

fn collect<P: Into<ClaimPath>>(paths: impl IntoIterator<Item = P>) -> Vec<ClaimPath> {
    paths.into_iter().map(Into::into).collect()
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
        self.scopes = collect(paths);
        self
    }

    /// Roles stand in these claims and in no others.
    pub fn roles<P: Into<ClaimPath>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.roles = collect(paths);
        self
    }

    /// Permissions stand in these claims and in no others.
    pub fn permissions<P: Into<ClaimPath>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        self.permissions = collect(paths);
        self
    }

    /// The e-mail address stands here, and whether it is verified there.
    pub fn email(mut self, email: impl Into<ClaimPath>, verified: impl Into<ClaimPath>) -> Self {
        self.email = email.into();
        self.email_verified = verified.into();
        self
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
}
