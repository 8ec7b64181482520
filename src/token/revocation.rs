//! The id of a token for revocation.

use crate::core::hash::sha256_of;
use crate::jose::encoding;
use std::fmt;

/// A 32-byte id of a token for revocation.
///
/// It is a SHA-256 of `iss` and `jti`, or without `jti` of the signing input; of an opaque token, its
/// text. It never depends on
/// the signature: an ECDSA signature can be changed into another valid one without the key, so the
/// same token has more than one text.
///
/// # Example
/// ```
/// fn remember(revoked: &mut std::collections::HashSet<jamguard::RevocationId>, token: &jamguard::Verified) {
///     revoked.insert(token.revocation_id().clone());
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RevocationId([u8; 32]);

impl RevocationId {
    pub(crate) fn of(issuer: Option<&str>, token_id: Option<&str>, signing_input: &[u8]) -> Self {
        match token_id {
            Some(token_id) => Self::of_pair(b"jti", issuer, token_id),
            None => Self(sha256_of([&b"input"[..], signing_input])),
        }
    }

    /// Returns the id that stands for all tokens of a subject.
    pub(crate) fn of_subject(issuer: Option<&str>, subject: &str) -> Self {
        Self::of_pair(b"sub", issuer, subject)
    }

    fn of_pair(what: &[u8], issuer: Option<&str>, name: &str) -> Self {
        // The length goes first, so that different pairs never give the same bytes.
        let issuer = issuer.unwrap_or_default();
        let length = (issuer.len() as u64).to_be_bytes();
        Self(sha256_of([what, &length, issuer.as_bytes(), name.as_bytes()]))
    }

    /// Parses the output of [`to_text`](Self::to_text).
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let mut id = [0; 32];
        encoding::decode_exact(text, &mut id)?;
        Some(Self(id))
    }

    /// Returns the id as base64url, for use in a store's key.
    pub(crate) fn to_text(&self) -> String {
        encoding::encode(self.0)
    }

    /// Returns the id as bytes, to keep in a store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for RevocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RevocationId(")?;
        for byte in &self.0[..4] {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("…)")
    }
}
