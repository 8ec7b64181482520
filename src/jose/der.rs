//! DER parsing of keys: elements, PKCS#8, SPKI and RSASSA-PSS parameters.

use super::algorithm::Algorithm;
use super::certificate::Certificate;
use super::error::invalid;
use crate::core::Error;

pub(super) const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
pub(super) const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
/// Tag of the explicit field `[0]`; later fields follow in order.
pub(super) const CONTEXT_0: u8 = 0xa0;

/// 1.2.840.113549.1.1.10 (RFC 4055 section 3.1).
const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
/// 1.2.840.113549.1.1.8 (RFC 4055 section 2.2).
const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8];
/// 2.16.840.1.101.3.4.2: its children 1 to 3 are SHA-256, SHA-384 and SHA-512.
const NIST_HASHES: &[u8] = &[0x60, 0x86, 0x48, 1, 101, 3, 4, 2];
/// Salt length if the parameters omit it (RFC 4055 section 3.1).
const DEFAULT_SALT: usize = 20;

/// Returns the content of the first DER element if it has this tag, and the rest.
pub(super) fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(first) {
        short @ ..0x80 => (short, rest),
        long => {
            let (length, rest) = rest.split_at_checked(long & 0x7f).filter(|(l, _)| l.len() < 4)?;
            let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, rest)
        }
    };
    (found == tag).then(|| rest.split_at_checked(length)).flatten()
}

/// Returns whether the bytes are exactly one sequence.
///
/// The parsers of RSA keys would accept trailing bytes.
pub(super) fn is_sequence(der: &[u8]) -> bool {
    matches!(element(der, SEQUENCE), Some((_, &[])))
}

/// Returns the SPKI public key of an X.509 certificate (RFC 5280 section 4.1).
///
/// `None` if the bytes are not a certificate.
pub(super) fn certified_key(der: &[u8]) -> Option<&[u8]> {
    Certificate::parse(der).map(|certificate| certificate.key)
}

/// Returns the key type's identifier and the key of a PKCS#8 document (RFC 5208 section 5).
pub(super) fn private_key(pkcs8: &[u8]) -> Option<(&[u8], &[u8])> {
    let (info, _) = element(pkcs8, SEQUENCE)?;
    let (_version, rest) = element(info, INTEGER)?;
    let (identifier, rest) = element(rest, SEQUENCE)?;
    let (key, _) = element(rest, OCTETS)?;
    Some((identifier, key))
}

/// Returns the key type's identifier of an SPKI document (RFC 5280 section 4.1).
pub(super) fn public_key_type(spki: &[u8]) -> Option<&[u8]> {
    let (info, _) = element(spki, SEQUENCE)?;
    let (identifier, rest) = element(info, SEQUENCE)?;
    element(rest, BIT_STRING).map(|_| identifier)
}

/// Returns whether the bytes are exactly a public key or certificate: SPKI, PKCS#1 or X.509.
pub(super) fn is_public(der: &[u8]) -> bool {
    let Some((fields, &[])) = element(der, SEQUENCE) else {
        return false;
    };
    let spki = || {
        let (identifier, rest) = element(fields, SEQUENCE)?;
        element(identifier, OID)?;
        let (_key, rest) = element(rest, BIT_STRING)?;
        Some(rest.is_empty())
    };
    let pkcs1 = || {
        let (modulus, rest) = element(fields, INTEGER)?;
        let (_exponent, rest) = element(rest, INTEGER)?;
        Some(modulus.len() >= 64 && rest.is_empty())
    };
    spki() == Some(true) || pkcs1() == Some(true) || certified_key(der).is_some()
}

/// Returns whether a key type's identifier is RSASSA-PSS.
///
/// # Errors
/// [`ErrorKind::InvalidKey`] if it is, but the key does not allow `algorithm`: a PSS key must not
/// be used with PKCS#1 v1.5, and its parameters can restrict it to one hash (RFC 4055 section 1.2).
pub(super) fn is_pss(identifier: &[u8], algorithm: Algorithm) -> Result<bool, Error> {
    let Some((RSASSA_PSS, parameters)) = element(identifier, OID) else {
        return Ok(false);
    };
    let allowed: Vec<_> = [Algorithm::PS256, Algorithm::PS384, Algorithm::PS512]
        .into_iter()
        .filter(|a| parameters.is_empty() || restricted_to(parameters) == Some(*a))
        .collect();
    if allowed.contains(&algorithm) {
        return Ok(true);
    }
    let names: Vec<_> = allowed.iter().map(|a| a.name()).collect();
    Err(invalid(
        match &names[..] {
            [] => "the key's RSASSA-PSS parameters fit none of PS256, PS384 and PS512: make a key \
                   with one hash of SHA-256, SHA-384 or SHA-512 for both uses, and a salt no longer \
                   than the hash"
                .to_owned(),
            names => format!(
                "the key's type is RSASSA-PSS, which allows {} but not {algorithm}",
                names.join(", ")
            ),
        },
    ))
}

/// Returns the JWS algorithm that a key's parameters allow (RFC 4055 section 3.1).
///
/// A key's salt length is the minimum for its signatures; JWS uses a salt as long as the hash.
fn restricted_to(parameters: &[u8]) -> Option<Algorithm> {
    let (mut rest, after) = element(parameters, SEQUENCE)?;
    let mut field = |number: u8| {
        element(rest, CONTEXT_0 + number).map(|(content, more)| {
            rest = more;
            content
        })
    };
    let (hash, mask, salt, trailer) = (field(0)?, field(1)?, field(2), field(3));
    let (mask, _) = element(mask, SEQUENCE)?;
    let (generator, mask_hash) = element(mask, OID)?;
    let algorithm = hash_algorithm(hash)?;
    let salt = match salt {
        None => DEFAULT_SALT,
        Some(salt) => match element(salt, INTEGER)? {
            (&[length @ 0..=0x7f], _) => usize::from(length),
            _ => return None,
        },
    };
    let trailer = trailer.is_none_or(|trailer| element(trailer, INTEGER) == Some((&[1], &[])));
    let fits = generator == MGF1
        && hash_algorithm(mask_hash) == Some(algorithm)
        && salt <= algorithm.hash_len()
        && trailer
        && rest.is_empty()
        && after.is_empty();
    fits.then_some(algorithm)
}

/// Returns the PSS algorithm of a hash identifier.
fn hash_algorithm(identifier: &[u8]) -> Option<Algorithm> {
    let (identifier, _) = element(identifier, SEQUENCE)?;
    let (oid, _) = element(identifier, OID)?;
    match oid.strip_prefix(NIST_HASHES)? {
        [1] => Some(Algorithm::PS256),
        [2] => Some(Algorithm::PS384),
        [3] => Some(Algorithm::PS512),
        _ => None,
    }
}
