//! Refresh token text: a family id and a secret.

use crate::core::{Error, ErrorKind, Secret, random::random, sha256};
use crate::jose::encoding;
use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// 128 random bits do not collide and cannot be guessed; the id alone suffices to end a family.
const FAMILY: usize = 16;
const SECRET: usize = 32;

/// A refresh token: `<family>.<secret>`, both base64url.
pub(super) struct Token {
    family: Zeroizing<[u8; FAMILY]>,
    secret: Zeroizing<[u8; SECRET]>,
}

impl Token {
    /// Generates the first token of a new family.
    pub(super) fn generate() -> Result<Self, Error> {
        Ok(Self { family: Zeroizing::new(random()?), secret: Zeroizing::new(random()?) })
    }

    /// Parses a token that a client sent.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let malformed = || Error::new(ErrorKind::Malformed, "the text is not a refresh token");
        let parts = text.split_once('.').ok_or_else(malformed)?;
        let mut token =
            Self { family: Zeroizing::new([0; FAMILY]), secret: Zeroizing::new([0; SECRET]) };
        encoding::decode_exact(parts.0, &mut *token.family).ok_or_else(malformed)?;
        encoding::decode_exact(parts.1, &mut *token.secret).ok_or_else(malformed)?;
        Ok(token)
    }

    /// Derives the next token, which is determined by this one and the salt.
    pub(super) fn next(&self, salt: &Salt) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.secret);
        let mut context = hmac::Context::with_key(&key);
        context.update(b"next refresh token");
        context.update(&salt.0);
        let mut secret = Zeroizing::new([0; SECRET]);
        secret.copy_from_slice(context.sign().as_ref());
        Self { family: self.family.clone(), secret }
    }

    /// Returns the SHA-256 of the family id, which is its key in the store.
    ///
    /// Hashed, so that a dump of the store does not allow ending families.
    pub(super) fn family_hash(&self) -> String {
        encoding::encode(sha256(self.family.as_slice()))
    }

    /// Returns the hash that the store keeps of the token.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint(sha256(self.secret.as_slice()))
    }

    pub(super) fn to_secret(&self) -> Secret {
        // Capacity is more than enough: a growing string would leave copies behind.
        let mut text = String::with_capacity(2 * (FAMILY + SECRET));
        encoding::encode_to(self.family.as_slice(), &mut text);
        text.push('.');
        encoding::encode_to(self.secret.as_slice(), &mut text);
        Secret::new(text)
    }
}

/// The SHA-256 of a token's secret.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Fingerprint(#[serde(with = "base64url")] [u8; 32]);

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// The input that derives the next secret from the last; useless without that secret.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Salt(#[serde(with = "base64url")] [u8; 32]);

impl Salt {
    pub(super) fn generate() -> Result<Self, Error> {
        Ok(Self(random()?))
    }
}

/// Bytes stored as base64url.
mod base64url {
    use super::encoding;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::borrow::Cow;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&encoding::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = <Cow<'de, str>>::deserialize(from)?;
        let mut bytes = [0; 32];
        encoding::decode_exact(&*text, &mut bytes)
            .map(|()| bytes)
            .ok_or_else(|| D::Error::custom("not 32 bytes as base64url"))
    }
}
