//! The user of an identity as a key of caches and stores.

use super::identity::Identity;
#[cfg(any(feature = "tower", feature = "actix"))]
use crate::core::hash::{Sha256, sha256};
use serde::Serialize;

/// The user of an identity: issuer and subject, or without a subject a verified e-mail address.
///
/// An empty subject counts as none.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct UserKey {
    issuer: Option<Box<str>>,
    name: Name,
}

#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
enum Name {
    Subject(Box<str>),
    Email(Box<str>),
    /// Neither subject nor verified e-mail address: these claims alone.
    Claims(Box<str>),
}

impl UserKey {
    pub(crate) fn of(identity: &Identity) -> Self {
        let text = || identity.raw_claims().into();
        // Service tokens of Cloudflare Access have an empty `sub`.
        let name = match identity.subject().filter(|subject| !subject.is_empty()) {
            Some(subject) => Name::Subject(subject.into()),
            None => identity
                .verified_email()
                .map_or_else(|| Name::Claims(text()), |email| Name::Email(email.into())),
        };
        Self { issuer: identity.issuer().map(Into::into), name }
    }

    /// Returns a hash for stores, which must not learn users' names.
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn hash(&self) -> Sha256 {
        // Strings and `None` always serialize.
        sha256(serde_json::to_vec(self).unwrap_or_default())
    }

    pub(super) fn name(&self) -> &str {
        match &self.name {
            Name::Subject(name) | Name::Email(name) | Name::Claims(name) => name,
        }
    }
}
