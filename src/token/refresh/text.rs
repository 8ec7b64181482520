//! What a refresh token is made of: the name of its family, and a secret.

use crate::core::error::{Error, ErrorKind};
use crate::core::random::random;
use crate::core::secret::Secret;
use crate::jose::encoding;
use aws_lc_rs::{digest, hmac};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// 128 bits name a family, so that none is met twice or guessed.
const FAMILY: usize = 16;
const SECRET: usize = 32;

/// A refresh token: `<family>.<secret>`, both base64url.
pub(super) struct Token {
    pub(super) family: String,
    secret: Zeroizing<[u8; SECRET]>,
}

impl Token {
    /// The first of a new family.
    pub(super) fn generate() -> Result<Self, Error> {
        Ok(Self {
            family: encoding::encode(random::<FAMILY>()?),
            secret: Zeroizing::new(random()?),
        })
    }

    /// Reads one that a client sent.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let malformed = || Error::new(ErrorKind::Malformed, "this is no refresh token");
        let (family, secret) = text.split_once('.').ok_or_else(malformed)?;
        let decode = |text: &str, bytes: &mut [u8]| {
            encoding::decode_into(text.as_bytes(), bytes).filter(|length| *length == bytes.len())
        };
        decode(family, &mut [0; FAMILY]).ok_or_else(malformed)?;
        let mut bytes = Zeroizing::new([0; SECRET]);
        decode(secret, &mut *bytes).ok_or_else(malformed)?;
        Ok(Self {
            family: family.to_owned(),
            secret: bytes,
        })
    }

    /// The token that follows: whoever has this one and the salt comes to the same.
    pub(super) fn next(&self, salt: &Salt) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.secret);
        let mut context = hmac::Context::with_key(&key);
        context.update(b"next refresh token");
        context.update(&salt.0);
        let mut secret = Zeroizing::new([0; SECRET]);
        secret.copy_from_slice(context.sign().as_ref());
        Self {
            family: self.family.clone(),
            secret,
        }
    }

    /// All that is kept of it.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, &*self.secret).as_ref());
        Fingerprint(bytes)
    }

    pub(super) fn to_secret(&self) -> Secret {
        let secret = Zeroizing::new(encoding::encode(self.secret.as_slice()));
        // As long as it will be: a text that grows leaves copies behind.
        let mut text = String::with_capacity(self.family.len() + 1 + secret.len());
        text.push_str(&self.family);
        text.push('.');
        text.push_str(&secret);
        Secret::new(text)
    }
}

/// The SHA-256 of a token's secret.
#[derive(Clone, Copy)]
pub(super) struct Fingerprint([u8; 32]);

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Makes the next secret from the last one; of no use without that.
#[derive(Clone, Copy)]
pub(super) struct Salt([u8; 32]);

impl Salt {
    pub(super) fn generate() -> Result<Self, Error> {
        Ok(Self(random()?))
    }
}

/// Both are kept as base64url.
macro_rules! as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&encoding::encode(self.0))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                let mut bytes = [0; 32];
                match encoding::decode_into(text.as_bytes(), &mut bytes) {
                    Some(32) => Ok(Self(bytes)),
                    _ => Err(serde::de::Error::custom("not 32 bytes as base64url")),
                }
            }
        }
    };
}

as_text!(Fingerprint);
as_text!(Salt);
