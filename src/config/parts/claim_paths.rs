//! Settings of the claim paths.

use super::scalars::{Given, Texts};
use crate::policy::{ClaimPath, ClaimPaths};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use std::{collections::BTreeMap, fmt};

settings! {
    /// Where values are found in the claims.
    pub(super) struct ClaimPathSettings {
        /// Paths that the other keys override. Default: `standard`; in a verifier, those of its preset.
        preset: Option<Preset>,
        scopes: Option<Vec<PathSettings>>,
        roles: Option<Vec<PathSettings>>,
        permissions: Option<Vec<PathSettings>>,
        email: Option<EmailPaths>,
        /// Claims that say whether the e-mail address is verified.
        email_verified: Option<Vec<PathSettings>>,
        /// Values of `acr` that mean two factors.
        acr_values: Option<Texts>,
        /// Broader scopes, each with the narrower ones that it implies.
        #[serde(default)]
        scope_implies: BTreeMap<String, Texts>,
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
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ClaimPath", untagged))]
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

// The errors of a derived implementation name neither the found type nor the place in the list.
impl<'de> Deserialize<'de> for PathSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = PathSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a claim such as \"realm_access.roles\", or a list of names")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PathSettings, E> {
                Ok(PathSettings::Dotted(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<PathSettings, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(PathSettings::Names)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

impl ClaimPathSettings {
    /// Returns these paths with the settings' changes.
    pub(super) fn change(&self, paths: ClaimPaths) -> ClaimPaths {
        let preset = match &self.preset {
            None => paths,
            Some(Preset::Standard) => ClaimPaths::default(),
            Some(Preset::Keycloak) => ClaimPaths::keycloak(),
            Some(Preset::Cognito) => ClaimPaths::cognito(),
        };
        let paths = preset
            .given(&self.scopes, ClaimPaths::scopes)
            .given(&self.roles, ClaimPaths::roles)
            .given(&self.permissions, ClaimPaths::permissions)
            .given(&self.email, |paths, email| paths.email(email.address, email.verified))
            .given(&self.email_verified, ClaimPaths::email_verified)
            .given(&self.acr_values, |paths, Texts(values)| paths.acr_values(values));
        let hierarchy = self.scope_implies.iter();
        hierarchy.fold(paths, |paths, (scope, narrower)| paths.scope_implies(scope, &narrower.0))
    }
}
