//! [`SealingKeys`]: authenticated encryption of stored values.

use crate::core::{Error, ErrorKind, Secret, debug_fields, hash::sha256_of};
use crate::jose::encoding;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, rand};
use std::sync::Arc;
use zeroize::Zeroizing;

const KEY: usize = 32;
const SALT: usize = 32;
const ID: usize = 8;
const TAG: usize = 16;
/// First byte of a sealed value: its format. Another format would get another byte.
const FORM: u8 = 1;

/// The keys that encrypt stored values: AES-256-GCM, bound to the value's key in the store.
///
/// The first key seals; earlier ones still open what they sealed. To rotate, put the new key first,
/// and drop the old one once everything has been written again.
///
/// Each value is sealed with its own key, derived from this one (HKDF, RFC 5869) and 256 random
/// bits, so that nonces do not limit the number of values.
///
/// # Example
/// ```
/// use jamguard::store::SealingKeys;
///
/// let key = SealingKeys::generate_key()?;            // keep it: in the environment, in a vault
/// let keys = SealingKeys::from_base64url(key.expose())?;
/// let newer = SealingKeys::from_base64url(SealingKeys::generate_key()?.expose())?.with_previous(&keys);
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone)]
pub struct SealingKeys(Arc<[SealingKey]>);

#[derive(Clone)]
struct SealingKey {
    id: [u8; ID],
    secret: Zeroizing<[u8; KEY]>,
}

fn failed<E>(_: E) -> Error {
    Error::new(ErrorKind::Internal, "the system could not encrypt or decrypt")
}

/// The output length for HKDF.
struct KeyLen;

impl hkdf::KeyType for KeyLen {
    fn len(&self) -> usize {
        KEY
    }
}

impl SealingKey {
    fn new(secret: &[u8; KEY]) -> Self {
        let mut id = [0; ID];
        id.copy_from_slice(&sha256_of([&b"jamguard sealing key"[..], secret])[..ID]);
        Self { id, secret: Zeroizing::new(*secret) }
    }

    /// Derives the key of one value. It is used once, so its nonce may be constant.
    fn derive(&self, salt: &[u8]) -> Result<LessSafeKey, Error> {
        let mut key = Zeroizing::new([0; KEY]);
        hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
            .extract(&*self.secret)
            .expand(&[b"jamguard sealed value"], KeyLen)
            .and_then(|derived| derived.fill(&mut *key))
            .map_err(failed)?;
        let key = UnboundKey::new(&AES_256_GCM, &*key).map_err(failed)?;
        Ok(LessSafeKey::new(key))
    }
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}

impl SealingKeys {
    /// Creates keys from a single key of 256 random bits.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(Arc::new([SealingKey::new(key)]))
    }

    /// Creates keys from a single key in base64url without padding.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] if the text is not 32 bytes in base64url.
    pub fn from_base64url(key: &str) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; KEY]);
        match encoding::decode_exact(key, &mut *bytes) {
            Some(()) => Ok(Self::new(&bytes)),
            _ => Err(Error::new(
                ErrorKind::InvalidKey,
                "a sealing key is 32 random bytes in base64url, 43 characters without padding: \
                 make one with SealingKeys::generate_key()",
            )),
        }
    }

    /// Generates a random key as text, to be stored with your other secrets.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the system's random source fails.
    pub fn generate_key() -> Result<Secret, Error> {
        let mut key = Zeroizing::new([0; KEY]);
        rand::fill(&mut *key).map_err(failed)?;
        Ok(Secret::new(encoding::encode(key.as_slice())))
    }

    /// Returns these keys, able also to open what `previous` sealed.
    #[must_use]
    pub fn with_previous(&self, previous: &Self) -> Self {
        Self(self.0.iter().chain(previous.0.iter()).cloned().collect())
    }

    /// Encrypts a value for one key of the store; under another one it does not open.
    pub(crate) fn seal(&self, place: &str, value: &[u8]) -> Result<Vec<u8>, Error> {
        let Some(key) = self.0.first() else {
            return Err(failed(()));
        };
        let mut salt = [0; SALT];
        rand::fill(&mut salt).map_err(failed)?;
        let mut sealed = Vec::with_capacity(1 + ID + SALT + value.len() + TAG);
        sealed.push(FORM);
        sealed.extend_from_slice(&key.id);
        sealed.extend_from_slice(&salt);
        let at = sealed.len();
        sealed.extend_from_slice(value);
        let place = Aad::from(place.as_bytes());
        let tag = key
            .derive(&salt)?
            .seal_in_place_separate_tag(nonce(), place, &mut sealed[at..])
            .map_err(failed)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Decrypts a value that was sealed for this key of the store.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] if none of these keys sealed it; [`ErrorKind::Storage`] if it was
    /// changed or belongs to another key of the store.
    pub(crate) fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let damaged = || {
            Error::new(
                ErrorKind::Storage,
                "an encrypted record is damaged, or was moved from another key of the store",
            )
        };
        let (form, rest) = sealed.split_first().ok_or_else(damaged)?;
        let (id, rest) = rest.split_at_checked(ID).ok_or_else(damaged)?;
        let (salt, rest) = rest.split_at_checked(SALT).ok_or_else(damaged)?;
        if *form != FORM {
            return Err(damaged());
        }
        let key = self.0.iter().find(|key| key.id == *id).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidKey,
                "a record was encrypted with another sealing key: add that key with \
                 .with_previous(…)",
            )
        })?;
        let mut value = Zeroizing::new(rest.to_vec());
        let length = key
            .derive(salt)?
            .open_in_place(nonce(), Aad::from(place.as_bytes()), &mut value)
            .map_err(|_| damaged())?
            .len();
        value.truncate(length);
        Ok(value)
    }
}

debug_fields!(SealingKeys, self, keys = self.0.len());

#[cfg(test)]
#[expect(clippy::unwrap_used)]
mod tests {
    use super::*;

    const VALUE: &[u8] = b"a value that must stay secret";

    fn keys(byte: u8) -> SealingKeys {
        SealingKeys::new(&[byte; KEY])
    }

    #[test]
    fn a_sealed_value_opens_only_under_its_key() {
        let keys = keys(1);
        let sealed = keys.seal("a", VALUE).unwrap();
        assert_eq!(&**keys.open("a", &sealed).unwrap(), VALUE);
        assert!(!sealed.windows(6).any(|part| VALUE.windows(6).any(|v| v == part)));
        assert_ne!(sealed, keys.seal("a", VALUE).unwrap());
        assert_eq!(keys.open("b", &sealed).unwrap_err().kind(), ErrorKind::Storage);
        assert_eq!(&**keys.open("", &keys.seal("", b"").unwrap()).unwrap(), b"");
    }

    #[test]
    fn every_changed_or_missing_byte_is_detected() {
        let keys = keys(1);
        let sealed = keys.seal("a", VALUE).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(keys.open("a", &changed).is_err(), "{at}");
            assert!(keys.open("a", &sealed[..at]).is_err(), "{at}");
        }
    }

    #[test]
    fn values_survive_a_key_rotation() {
        let (old, new) = (keys(1), keys(2));
        let sealed = old.seal("a", VALUE).unwrap();
        let error = new.open("a", &sealed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidKey);
        assert!(error.message().contains(".with_previous("));
        let both = new.with_previous(&old);
        assert_eq!(&**both.open("a", &sealed).unwrap(), VALUE);
        let anew = both.seal("a", VALUE).unwrap();
        assert!(new.open("a", &anew).is_ok() && old.open("a", &anew).is_err());
    }

    #[test]
    fn keys_as_text() {
        let key = SealingKeys::generate_key().unwrap();
        let keys = SealingKeys::from_base64url(key.expose()).unwrap();
        assert!(keys.seal("a", VALUE).is_ok());
        for text in ["", "short", &"A".repeat(44), &format!("{}=", key.expose())] {
            let error = SealingKeys::from_base64url(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidKey, "{text}");
        }
        assert_eq!(format!("{keys:?}"), "SealingKeys { keys: 1, .. }");
    }
}
