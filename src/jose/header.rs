//! The protected header: read strictly, and once for all tokens that have the same.

use super::algorithm::Algorithm;
use super::encoding;
use crate::core::error::{Error, ErrorKind};
use crate::core::json::{self, Scalar};
use crate::core::quoted::shown;
use std::cell::RefCell;
use std::sync::Arc;

/// A longer `kid` names no honest key.
pub(crate) const MAX_KID: usize = 256;
/// Encoded bytes of a header; embedded certificates fit.
const MAX_HEADER: usize = 8 * 1024;

/// An issuer's tokens share their header. Reading it has no other input than its text, so what a
/// thread read once needs no second look. Bound: 16 headers of at most 512 bytes per thread.
const REMEMBERED: usize = 16;
const MAX_REMEMBERED: usize = 512;

type Remembered = [Option<(Box<[u8]>, Arc<Header>)>; REMEMBERED];

thread_local! {
    static HEADERS: RefCell<Remembered> = RefCell::default();
}

fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
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
    /// Reads an encoded header, or recognizes it.
    pub(super) fn read(encoded: &[u8]) -> Result<Arc<Self>, Error> {
        // The last bytes tell issuers apart: `alg` and `typ` are the same everywhere.
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
        let header = Arc::new(Self::parse(&Self::decode(encoded)?)?);
        if encoded.len() <= MAX_REMEMBERED {
            // At a thread's end there is just no memory.
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

    pub(super) fn decode(encoded: &[u8]) -> Result<String, Error> {
        if encoded.len() > MAX_HEADER {
            return Err(Error::new(ErrorKind::TooLarge, "the header is too long"));
        }
        encoding::decode(encoded)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| malformed("the header is not base64url of UTF-8"))
    }

    /// Reads a header strictly. Keys that it embeds or points to (`jwk`, `jku`, `x5c`, `x5u`) are
    /// never looked at; extensions that would have to be understood (`crit`, `b64`, `zip`) are
    /// refused (RFC 7515 section 4.1.11, RFC 7797, RFC 8725 section 3.1).
    fn parse(text: &str) -> Result<Self, Error> {
        let (mut alg, mut kid, mut typ) = (None, None, None);
        let mut fault = None;
        json::object(text, |name, value| match (name, value) {
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
                format!("the token's alg `{}` is none or unknown", shown(&alg)),
            )
        })?;
        let boxed = |text: Option<std::borrow::Cow<'_, str>>| {
            text.map(|text| text.into_owned().into_boxed_str())
        };
        let key_id = boxed(kid);
        if key_id
            .as_ref()
            .is_some_and(|kid| kid.len() > MAX_KID || kid.chars().any(char::is_control))
        {
            return Err(malformed("kid is too long or holds control characters"));
        }
        Ok(Self {
            algorithm,
            key_id,
            token_type: boxed(typ),
        })
    }

    /// The algorithm that the signature was checked with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The name of the key, `kid`.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The token's media type, `typ`, as written.
    pub fn token_type(&self) -> Option<&str> {
        self.token_type.as_deref()
    }
}

/// Compares media types: case aside, `application/` optional where no other slash follows (RFC 7515
/// section 4.1.9).
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
