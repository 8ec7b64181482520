//! Settings of claim paths.

use super::scalars::{Given, Texts};
use crate::policy::{ClaimPath, ClaimPaths};

settings! {
    /// Where values are found in the claims.
    pub(super) struct ClaimPathSettings {
        /// Preset that the other keys override. Default: `standard`.
        preset: Option<Preset>,
        scopes: Option<Vec<PathSettings>>,
        roles: Option<Vec<PathSettings>>,
        permissions: Option<Vec<PathSettings>>,
        email: Option<EmailPaths>,
        /// Claims that say whether the e-mail address is verified.
        email_verified: Option<Vec<PathSettings>>,
        /// Values of `acr` that mean two factors.
        acr_values: Option<Texts>,
    }

    enum Preset {
        Standard,
        Keycloak,
        Cognito,
    }

    /// The claim with the e-mail address, and the claim that says whether it is verified.
    struct EmailPaths {
        address: PathSettings,
        verified: PathSettings,
    }
}

/// A claim: names separated by dots, or a list of names.
#[derive(Clone, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ClaimPath"))]
#[serde(
    untagged,
    expecting = "this must be a claim such as \"realm_access.roles\", or a list of names"
)]
enum PathSettings {
    Dotted(String),
    Names(Vec<String>),
}

impl From<PathSettings> for ClaimPath {
    fn from(path: PathSettings) -> Self {
        match path {
            PathSettings::Dotted(dotted) => Self::from(dotted),
            PathSettings::Names(names) => Self::from(names),
        }
    }
}

impl ClaimPathSettings {
    pub(super) fn build(&self) -> ClaimPaths {
        let preset = match &self.preset {
            None | Some(Preset::Standard) => ClaimPaths::default(),
            Some(Preset::Keycloak) => ClaimPaths::keycloak(),
            Some(Preset::Cognito) => ClaimPaths::cognito(),
        };
        preset
            .given(&self.scopes, ClaimPaths::scopes)
            .given(&self.roles, ClaimPaths::roles)
            .given(&self.permissions, ClaimPaths::permissions)
            .given(&self.email, |paths, email| paths.email(email.address, email.verified))
            .given(&self.email_verified, ClaimPaths::email_verified)
            .given(&self.acr_values, |paths, Texts(values)| paths.acr_values(values))
    }
}
