//! Protected header of a JWS, parsed strictly and cached per thread.

use super::algorithm::Algorithm;
use super::encoding;
use super::error::malformed;
use crate::core::json::{self, Scalar};
use crate::core::{Error, ErrorKind, sanitize::shown};
use std::{borrow::Cow, cell::RefCell, sync::Arc};

/// Longest accepted `kid`, in bytes; legitimate ids are shorter.
pub(crate) const MAX_KID: usize = 256;
/// Longest accepted header, in encoded bytes; embedded certificates fit.
const MAX_HEADER: usize = 8 * 1024;

/// Number of parsed headers that each thread caches.
///
/// An issuer's tokens share their header, and parsing depends on its text alone. Headers over
/// `MAX_REMEMBERED` bytes are not cached.
const REMEMBERED: usize = 16;
const MAX_REMEMBERED: usize = 512;

type Remembered = [Option<(Box<[u8]>, Arc<Header>)>; REMEMBERED];

thread_local! {
    static HEADERS: RefCell<Remembered> = RefCell::default();
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
    /// SHA-1 thumbprint of a certificate, `x5t`.
    thumbprint: Option<Box<str>>,
}

impl Header {
    /// Parses an encoded header, or returns it from the cache.
    pub(super) fn read(encoded: &[u8]) -> Result<Arc<Self>, Error> {
        // The last bytes distinguish issuers; `alg` and `typ` at the start are mostly the same.
        let mut place = encoded.len();
        for byte in encoded.iter().rev().take(16) {
            place = place.wrapping_mul(31) ^ usize::from(*byte);
        }
        let place = place % REMEMBERED;
        let known = HEADERS.try_with(|headers| {
            let headers = headers.try_borrow().ok()?;
            let (text, header) = headers.get(place)?.as_ref()?;
            (**text == *encoded).then(|| header.clone())
        });
        if let Ok(Some(header)) = known {
            return Ok(header);
        }
        let header = Arc::new(Self::parse(&Self::decode(encoded, false)?)?);
        if encoded.len() <= MAX_REMEMBERED {
            // While the thread exits, the cache is unavailable.
            let _ = HEADERS.try_with(|headers| {
                if let Ok(mut headers) = headers.try_borrow_mut()
                    && let Some(slot) = headers.get_mut(place)
                {
                    *slot = Some((encoded.into(), header.clone()));
                }
            });
        }
        Ok(header)
    }

    pub(crate) fn decode(encoded: &[u8], is_padded: bool) -> Result<String, Error> {
        if encoded.len() > MAX_HEADER {
            return Err(Error::new(ErrorKind::TooLarge, "the header is too long"));
        }
        let bytes = match is_padded {
            false => encoding::decode(encoded),
            true => encoding::decode_padded(encoded),
        };
        bytes
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| malformed("the header is not base64url of UTF-8"))
    }

    /// Parses a header strictly.
    ///
    /// Keys that it embeds or points to (`jwk`, `jku`, `x5c`, `x5u`) are never used. Extensions
    /// that change the meaning (`crit`, `b64`, `zip`) are rejected (RFC 7515 section 4.1.11, RFC
    /// 7797, RFC 8725 section 3.1).
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let (mut alg, mut kid, mut typ, mut x5t) = (None, None, None, None);
        let mut fault = None;
        json::object(text, |name, value| match (name, value) {
            ("alg", Scalar::Text(text)) => alg = Some(text),
            ("kid", Scalar::Text(text)) => kid = Some(text),
            ("typ", Scalar::Text(text)) => typ = Some(text),
            ("x5t", Scalar::Text(text)) => x5t = Some(text),
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
        .map_err(|_| malformed("the header is not a JSON object, or has a member twice"))?;
        if let Some(fault) = fault {
            return Err(malformed(fault));
        }
        let alg = alg.ok_or_else(|| malformed("the header has no alg"))?;
        let algorithm = Algorithm::from_name(&alg).ok_or_else(|| {
            let why = format!("the token's alg `{}` is none or unknown", shown(&alg));
            Error::new(ErrorKind::UnsupportedAlgorithm, why)
        })?;
        let unfit = |kid: &Cow<'_, str>| kid.len() > MAX_KID || kid.chars().any(char::is_control);
        if kid.as_ref().is_some_and(unfit) {
            return Err(malformed("kid is too long or holds control characters"));
        }
        Ok(Self {
            algorithm,
            key_id: kid.map(Into::into),
            token_type: typ.map(Into::into),
            thumbprint: x5t.map(Into::into),
        })
    }

    /// Returns the algorithm with which the signature was verified.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the key id, `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Returns the SHA-1 thumbprint of the key's certificate, `x5t`; only a name, like `kid`.
    pub(crate) fn thumbprint(&self) -> Option<&str> {
        self.thumbprint.as_deref()
    }

    /// Returns the token's media type, `typ`, as written.
    pub fn token_type(&self) -> Option<&str> {
        self.token_type.as_deref()
    }
}

/// Compares media types, ignoring case (RFC 7515 section 4.1.9).
///
/// A prefix `application/` is optional if no other slash follows.
pub(crate) fn is_type(found: &str, expected: &str) -> bool {
    let bare = |text: &str| {
        let prefix = "application/";
        match text.get(..prefix.len()) {
            Some(start)
                if start.eq_ignore_ascii_case(prefix) && !text[prefix.len()..].contains('/') =>
            {
                prefix.len()
            }
            _ => 0,
        }
    };
    found[bare(found)..].eq_ignore_ascii_case(&expected[bare(expected)..])
}
