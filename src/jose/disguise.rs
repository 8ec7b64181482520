//! Detection of public keys used as HMAC secrets, with which others could forge every token.

use super::certificate::Certificate;
use super::{der, primitive};
use crate::jose::Algorithm;
use aws_lc_rs::signature::ParsedPublicKey;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use zeroize::Zeroizing;

/// Some editors write it at the start of a file.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Returns what a secret really is, if that is certain.
///
/// Recognizes only forms that no random bytes and no passphrase have by chance.
pub(super) fn of_secret(secret: &[u8]) -> Option<&'static str> {
    written(secret).or_else(|| {
        // The body of a PEM text alone, or an environment variable in base64.
        let decoded = base64(secret)?;
        written(&decoded).or_else(|| is_ssh_blob(&decoded).then_some("an OpenSSH public key"))
    })
}

fn written(bytes: &[u8]) -> Option<&'static str> {
    let contains = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    if contains(b"-----BEGIN ") || contains(b"---- BEGIN SSH2 PUBLIC KEY") {
        return Some("a PEM text");
    }
    if der::is_public(bytes) || Certificate::parse(bytes).is_some() {
        return Some("a public key in DER");
    }
    if is_point(bytes) {
        return Some("a public key's point");
    }
    if is_jwk(bytes) {
        return Some("a JWK");
    }
    is_ssh_line(bytes).then_some("an OpenSSH public key")
}

/// Returns whether the bytes are an uncompressed point on its curve.
fn is_point(bytes: &[u8]) -> bool {
    let algorithm = match bytes.len() {
        65 => Algorithm::ES256,
        97 => Algorithm::ES384,
        133 => Algorithm::ES512,
        _ => return false,
    };
    bytes.first() == Some(&4)
        && primitive::curve_parameters(algorithm)
            .is_some_and(|curve| ParsedPublicKey::new(curve, bytes).is_ok())
}

/// Returns whether the bytes are a JWK of a key pair, or a set with one.
fn is_jwk(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if text.trim_ascii().first() != Some(&b'{') {
        return false;
    }
    let Ok(value) = serde_json::from_slice::<Value>(text) else {
        return false;
    };
    let of_a_pair = |key: &Value| matches!(key["kty"].as_str(), Some("RSA" | "EC" | "OKP"));
    let set = value["keys"].as_array();
    of_a_pair(&value) || set.is_some_and(|keys| keys.iter().any(of_a_pair))
}

/// Detects `ssh-ed25519 AAAA… comment` (RFC 4253 section 6.6), also after options.
fn is_ssh_line(bytes: &[u8]) -> bool {
    let words = bytes.split(u8::is_ascii_whitespace);
    words
        .filter(|word| !word.is_empty())
        .any(|word| base64(word).is_some_and(|blob| is_ssh_blob(&blob)))
}

/// Returns whether the bytes start with the length of an SSH key type and the type.
fn is_ssh_blob(blob: &[u8]) -> bool {
    let Some((length, rest)) = blob.split_first_chunk() else {
        return false;
    };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    let known = |kind: &[u8]| {
        ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-sha2-"]
            .iter()
            .any(|begin| kind.starts_with(begin.as_bytes()))
    };
    rest.get(..length).is_some_and(known)
}

/// Decodes base64 of either alphabet, with or without padding, line ends (also written as `\n`) and
/// spare bits.
fn base64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_encode_padding(false)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone)
            .with_decode_allow_trailing_bits(true),
    );
    let mut rest = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mut digits = Zeroizing::new(Vec::with_capacity(rest.len()));
    while let [byte, after @ ..] = rest {
        rest = match rest {
            [b'\\', b'n' | b'r', after @ ..] => after,
            _ => {
                match byte {
                    b'-' => digits.push(b'+'),
                    b'_' => digits.push(b'/'),
                    b'=' => {}
                    byte if byte.is_ascii_whitespace() => {}
                    byte => digits.push(*byte),
                }
                after
            }
        };
    }
    LENIENT.decode(&*digits).ok().map(Zeroizing::new)
}
