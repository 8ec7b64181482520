//! Strict compact JWS (RFC 7515 section 7.1).

use super::algorithm::{Algorithm, not_allowed};
use super::encoding;
use super::error::malformed;
use super::header::Header;
use super::key_set::KeySet;
use super::signing_key::SigningKey;
use super::verifying_key::VerifyingKey;
use crate::core::{Error, ErrorKind};
use std::sync::Arc;

/// Longest token that [`Jws::verify`] accepts, and a verifier by default, in bytes.
pub(crate) const DEFAULT_MAX_LEN: usize = 16 * 1024;
/// Longest signature in bytes: RSA with 8192 bits.
const MAX_SIGNATURE: usize = 1024;

/// A token split at its two dots, not decoded yet.
pub(crate) struct Compact<'a> {
    pub(crate) signing_input: &'a [u8],
    pub(crate) header: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) signature: &'a [u8],
    /// Whether the parts are base64url with padding.
    is_padded: bool,
}

impl<'a> Compact<'a> {
    pub(crate) fn split(token: &'a [u8], max_len: usize) -> Result<Self, Error> {
        if token.len() > max_len {
            let length = token.len();
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("the token is longer than allowed: {length} bytes, at most {max_len}"),
            ));
        }
        let mut dots = memchr::memchr_iter(b'.', token);
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(malformed(match memchr::memchr_iter(b'.', token).count() {
                0 => {
                    "the token is not a JWT: it has no dots. Opaque tokens need introspection \
                     (RFC 7662): give the verifier .introspection(…); many issuers give JWTs to \
                     clients that name an audience"
                }
                4 => {
                    "the token has five parts, like an encrypted token (JWE); a compact JWS has \
                     three parts: have the issuer sign its tokens without encrypting them"
                }
                _ => "a compact JWS has three parts, separated by dots",
            }));
        };
        Ok(Self {
            signing_input: &token[..second],
            header: &token[..first],
            payload: &token[first + 1..second],
            signature: &token[second + 1..],
            is_padded: false,
        })
    }

    /// Reads the parts as base64url with padding, which no standard permits.
    pub(crate) fn padded(self) -> Self {
        Self { is_padded: true, ..self }
    }

    pub(crate) fn header(&self) -> Result<Arc<Header>, Error> {
        match self.is_padded {
            false => Header::read(self.header),
            // Not cached: verifiers of standard tokens share the cache.
            true => Header::parse(&self.header_text()?).map(Arc::new),
        }
    }

    pub(crate) fn header_text(&self) -> Result<String, Error> {
        Header::decode(self.header, self.is_padded)
    }

    pub(crate) fn payload_bytes(&self) -> Result<Vec<u8>, Error> {
        let bytes = match self.is_padded {
            false => encoding::decode(self.payload),
            true => encoding::decode_padded(self.payload),
        };
        bytes.ok_or_else(|| malformed("the payload is not base64url"))
    }

    pub(crate) fn payload_text(&self) -> Result<String, Error> {
        String::from_utf8(self.payload_bytes()?).map_err(|_| malformed("the payload is not UTF-8"))
    }

    /// Verifies the signature with the first key that it matches, and returns that key.
    pub(crate) fn verify_by_any<'k>(
        &self,
        candidates: &[&'k VerifyingKey],
        algorithm: Algorithm,
    ) -> Result<&'k VerifyingKey, Error> {
        let mut refused = None;
        for key in candidates {
            match self.verify(key, algorithm) {
                Ok(()) => return Ok(key),
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(|| Error::new(ErrorKind::UnknownKey, "no key fits the token")))
    }

    /// Verifies the signature, which is decoded on the stack.
    pub(crate) fn verify(&self, key: &VerifyingKey, algorithm: Algorithm) -> Result<(), Error> {
        let mut buffer = [0; MAX_SIGNATURE + 2];
        let wrong = || malformed("the signature is not base64url or too long");
        let length = match self.is_padded {
            false => encoding::decode_into(self.signature, &mut buffer),
            true => encoding::decode_padded_into(self.signature, &mut buffer),
        };
        let length = length.ok_or_else(wrong)?;
        key.verify(algorithm, self.signing_input, &buffer[..length])
    }
}

/// A verified compact JWS with any payload. Claims are not checked.
///
/// # Example
/// ```
/// use jamguard::jose::{Algorithm, Jws, KeySet, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::Ed25519)?;
/// let keys = KeySet::from(key.verifying_key()?);
/// let token = Jws::sign(&key, b"any bytes")?;
/// let jws = Jws::verify(&token, &keys, &[Algorithm::Ed25519])?;
/// assert_eq!(jws.payload(), b"any bytes");
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Jws {
    header: Arc<Header>,
    payload: Vec<u8>,
}

impl Jws {
    /// Signs a payload.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] if signing fails.
    pub fn sign(key: &SigningKey, payload: &[u8]) -> Result<String, Error> {
        let mut header = serde_json::json!({ "alg": key.algorithm().name() });
        if let Some(kid) = key.key_id() {
            header["kid"] = kid.into();
        }
        sign_with_header(key, &header, payload)
    }

    /// Verifies header and signature of a token of up to 16 KiB.
    ///
    /// The token's `alg` must be among `algorithms`; its key is selected from `keys`.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`], [`TooLarge`](ErrorKind::TooLarge),
    /// [`UnsupportedAlgorithm`](ErrorKind::UnsupportedAlgorithm),
    /// [`UnknownKey`](ErrorKind::UnknownKey) or [`BadSignature`](ErrorKind::BadSignature).
    pub fn verify(token: &str, keys: &KeySet, algorithms: &[Algorithm]) -> Result<Self, Error> {
        let compact = Compact::split(token.as_bytes(), DEFAULT_MAX_LEN)?;
        let header = compact.header()?;
        if !algorithms.contains(&header.algorithm()) {
            return Err(not_allowed(algorithms, header.algorithm()));
        }
        let payload = compact.payload_bytes()?;
        compact.verify_by_any(&keys.select(&header, false)?, header.algorithm())?;
        Ok(Self { header, payload })
    }

    /// Returns the protected header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the payload's bytes.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// Signs a payload with the given header, which the caller must make consistent with the key.
pub(crate) fn sign_with_header(
    key: &SigningKey,
    header: &serde_json::Value,
    payload: &[u8],
) -> Result<String, Error> {
    let mut token = encoding::encode(header.to_string());
    token.push('.');
    token.push_str(&encoding::encode(payload));
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    token.push_str(&encoding::encode(signature));
    Ok(token)
}
