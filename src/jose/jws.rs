//! The strict compact form (RFC 7515 section 7.1) and its protected header.

use super::algorithm::Algorithm;
use super::encoding;
use super::key_set::KeySet;
use super::signing_key::SigningKey;
use super::verifying_key::VerifyingKey;
use crate::core::error::{Error, ErrorKind};
use crate::core::json::{self, Scalar};
use std::borrow::Cow;

/// Longest token that [`Jws::verify`] and a verifier by default look at, in bytes.
pub(crate) const DEFAULT_MAX_LEN: usize = 16 * 1024;
/// A longer `kid` names no honest key.
const MAX_KID: usize = 256;
/// Header bytes after decoding; embedded certificates fit.
const MAX_HEADER: usize = 8 * 1024;
/// The signature of an RSA key of 8192 bits.
const MAX_SIGNATURE: usize = 1024;

fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

/// A token cut at its two dots, nothing decoded yet.
pub(crate) struct Compact<'a> {
    pub(crate) signing_input: &'a [u8],
    pub(crate) header: &'a [u8],
    pub(crate) payload: &'a [u8],
    pub(crate) signature: &'a [u8],
}

impl<'a> Compact<'a> {
    pub(crate) fn split(token: &'a [u8], max_len: usize) -> Result<Self, Error> {
        if token.len() > max_len {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "the token is longer than allowed",
            ));
        }
        let mut dots = token
            .iter()
            .enumerate()
            .filter_map(|(at, byte)| (*byte == b'.').then_some(at));
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(malformed("a compact JWS has three parts"));
        };
        Ok(Self {
            signing_input: &token[..second],
            header: &token[..first],
            payload: &token[first + 1..second],
            signature: &token[second + 1..],
        })
    }

    pub(crate) fn header_bytes(&self) -> Result<Vec<u8>, Error> {
        if self.header.len() > MAX_HEADER {
            return Err(Error::new(ErrorKind::TooLarge, "the header is too long"));
        }
        encoding::decode(self.header).ok_or_else(|| malformed("the header is not base64url"))
    }

    pub(crate) fn payload_bytes(&self) -> Result<Vec<u8>, Error> {
        encoding::decode(self.payload).ok_or_else(|| malformed("the payload is not base64url"))
    }

    /// Checks the signature; decodes it on the stack.
    pub(crate) fn verify(&self, key: &VerifyingKey, algorithm: Algorithm) -> Result<(), Error> {
        let mut buffer = [0; MAX_SIGNATURE + 2];
        let wrong = || malformed("the signature is not base64url or too long");
        let length = encoding::decode_into(self.signature, &mut buffer).ok_or_else(wrong)?;
        key.verify(algorithm, self.signing_input, &buffer[..length])
    }
}

/// The members of a protected header that decide something.
#[derive(Clone, Debug)]
pub(crate) struct RawHeader<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<Cow<'a, str>>,
    pub(crate) typ: Option<Cow<'a, str>>,
}

impl<'a> RawHeader<'a> {
    /// Reads a header strictly. Keys that it embeds or points to (`jwk`, `jku`, `x5c`, `x5u`) are
    /// never looked at; extensions that would have to be understood (`crit`, `b64`, `zip`) are
    /// refused (RFC 7515 section 4.1.11, RFC 7797, RFC 8725 section 3.1).
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let (mut alg, mut kid, mut typ) = (None, None, None);
        let mut fault = None;
        json::object(bytes, |name, value| match (name, value) {
            ("alg", Scalar::Text(text)) => alg = Some(text),
            ("kid", Scalar::Text(text)) => kid = Some(text),
            ("typ", Scalar::Text(text)) => typ = Some(text),
            ("alg", _) => fault = Some("alg is not a string"),
            ("kid", _) => fault = Some("kid is not a string"),
            ("typ", _) => fault = Some("typ is not a string"),
            ("crit", _) => fault = Some("critical header extensions are not supported"),
            ("b64", _) => fault = Some("unencoded payloads are not supported"),
            ("zip", _) => fault = Some("compressed payloads are not supported"),
            ("enc", _) => fault = Some("this is an encrypted token (JWE), not a signed one"),
            ("cty", Scalar::Text(text)) if is_type(&text, "JWT") => {
                fault = Some("nested tokens are not supported");
            }
            _ => {}
        })
        .map_err(|_| malformed("the header is not one JSON object with no member twice"))?;
        if let Some(fault) = fault {
            return Err(malformed(fault));
        }
        let alg = alg.ok_or_else(|| malformed("the header has no alg"))?;
        let algorithm = Algorithm::from_name(&alg).ok_or_else(|| {
            Error::new(
                ErrorKind::UnsupportedAlgorithm,
                "the token's alg is none or unknown",
            )
        })?;
        if kid.as_ref().is_some_and(|kid: &Cow<'_, str>| {
            kid.len() > MAX_KID || kid.chars().any(char::is_control)
        }) {
            return Err(malformed("kid is too long or holds control characters"));
        }
        Ok(Self {
            algorithm,
            kid,
            typ,
        })
    }

    pub(crate) fn into_owned(self) -> Header {
        Header {
            algorithm: self.algorithm,
            key_id: self.kid.map(|kid| kid.into_owned().into_boxed_str()),
            token_type: self.typ.map(|typ| typ.into_owned().into_boxed_str()),
        }
    }
}

/// Compares media types: case aside, `application/` optional (RFC 7515 section 4.1.9).
pub(crate) fn is_type(found: &str, expected: &str) -> bool {
    let bare = |text: &str| {
        let prefix = "application/";
        match text.get(..prefix.len()) {
            Some(start) if start.eq_ignore_ascii_case(prefix) => prefix.len(),
            _ => 0,
        }
    };
    found[bare(found)..].eq_ignore_ascii_case(&expected[bare(expected)..])
}

/// The protected header of a verified token.
///
/// # Example
/// ```
/// # use jamguard::jose::{Algorithm, Jws, KeySet, SigningKey};
/// # let key = SigningKey::generate(Algorithm::ES256)?.with_key_id("k1");
/// # let token = Jws::sign(&key, b"")?;
/// # let jws = Jws::verify(&token, &KeySet::from(key.verifying_key()?), &[Algorithm::ES256])?;
/// assert_eq!(jws.header().algorithm(), Algorithm::ES256);
/// assert_eq!(jws.header().key_id(), Some("k1"));
/// # Ok::<(), jamguard::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    algorithm: Algorithm,
    key_id: Option<Box<str>>,
    token_type: Option<Box<str>>,
}

impl Header {
    /// The algorithm that the signature was checked with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The name of the key, `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Bytes on the heap.
    pub(crate) fn heap_len(&self) -> usize {
        [&self.key_id, &self.token_type]
            .iter()
            .filter_map(|text| text.as_ref())
            .map(|text| text.len())
            .sum()
    }

    /// The token's media type, `typ`, as written.
    pub fn token_type(&self) -> Option<&str> {
        self.token_type.as_deref()
    }
}

/// A compact JWS with any payload, its signature and header checked, no claim looked at.
///
/// # Example
/// See the [module](crate::jose).
#[derive(Clone, Debug)]
pub struct Jws {
    header: Header,
    payload: Vec<u8>,
}

impl Jws {
    /// Signs a payload.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] where signing fails.
    pub fn sign(key: &SigningKey, payload: &[u8]) -> Result<String, Error> {
        let mut header = serde_json::Map::new();
        header.insert("alg".into(), key.algorithm().name().into());
        if let Some(kid) = key.key_id() {
            header.insert("kid".into(), kid.into());
        }
        sign_with_header(key, &serde_json::Value::Object(header), payload)
    }

    /// Checks header and signature against `keys` under `algorithms`.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`], [`TooLarge`](ErrorKind::TooLarge),
    /// [`UnsupportedAlgorithm`](ErrorKind::UnsupportedAlgorithm),
    /// [`UnknownKey`](ErrorKind::UnknownKey) or [`BadSignature`](ErrorKind::BadSignature).
    pub fn verify(token: &str, keys: &KeySet, algorithms: &[Algorithm]) -> Result<Self, Error> {
        let compact = Compact::split(token.as_bytes(), DEFAULT_MAX_LEN)?;
        let header_bytes = compact.header_bytes()?;
        let header = RawHeader::parse(&header_bytes)?;
        if !algorithms.contains(&header.algorithm) {
            return Err(Error::new(
                ErrorKind::UnsupportedAlgorithm,
                "the token's alg is not allowed here",
            ));
        }
        let payload = compact.payload_bytes()?;
        let key = keys.select(header.kid.as_deref(), header.algorithm)?;
        compact.verify(key, header.algorithm)?;
        Ok(Self {
            header: header.into_owned(),
            payload,
        })
    }

    /// The protected header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The payload's bytes.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// Signs `header.payload` as given; the header is the caller's.
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
