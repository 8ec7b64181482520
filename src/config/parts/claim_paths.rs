//! Settings of claim paths.

use super::scalars::{Given, Texts};
use crate::policy::{ClaimPath, ClaimPaths};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

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
#[derive(Clone)]
struct PathSettings(ClaimPath);

impl From<PathSettings> for ClaimPath {
    fn from(PathSettings(path): PathSettings) -> Self {
        path
    }
}

impl<'de> Deserialize<'de> for PathSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = PathSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a claim such as \"realm_access.roles\", or a list of names")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<PathSettings, E> {
                Ok(PathSettings(ClaimPath::from(text)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PathSettings, A::Error> {
                let mut names: Vec<String> = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                Ok(PathSettings(ClaimPath::from(names)))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for PathSettings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ClaimPath".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A claim: names separated by dots, or a list of names.",
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}}
            ]
        })
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
