//! Signatures and public keys as bytes.
//!
//! Oracle for ES256: p256 accepts the same signatures (RFC 7518 section 3.4: R and S of 32 bytes each, no
//! DER), and the same keys as DER.
//!
//! The first byte selects what the rest is: a signature, edits of a good one, a key, or edits of one.

use crate::Verdict;
use jamguard::jose::{Algorithm, SigningKey, VerifyingKey};
use p256::ecdsa::signature::Verifier as _;
use p256::pkcs8::DecodePublicKey;
use serde_json::{Value, json};
use std::sync::LazyLock;

pub const WORDS: &[&str] = &["\0", "\u{1}", "0E\u{2}!", "0D\u{2} ", "\u{6}\u{7}*", "\u{3}B\0\u{4}"];

const MESSAGE: &[u8] = b"header.payload";

struct World {
    ours: VerifyingKey,
    theirs: p256::ecdsa::VerifyingKey,
    signatures: Vec<Vec<u8>>,
    spki: Vec<u8>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = SigningKey::from_jwk(Algorithm::ES256, super::compact::P256).unwrap();
    let ours = key.verifying_key().unwrap();
    let theirs = p256::ecdsa::VerifyingKey::from_public_key_pem(&ours.to_pem().unwrap()).unwrap();
    // p256 signs by RFC 6979: each run has the same bytes to edit.
    let signer = {
        let jwk: serde_json::Value = serde_json::from_str(super::compact::P256).unwrap();
        let d = crate::common::decode_leniently(jwk["d"].as_str().unwrap()).unwrap();
        p256::ecdsa::SigningKey::from_slice(&d).unwrap()
    };
    use p256::ecdsa::{Signature, signature::Signer};
    let good: Signature = signer.sign(MESSAGE);
    let other: Signature = signer.sign(b"another message");
    let signatures = vec![
        good.to_bytes().to_vec(),
        good.to_der().as_bytes().to_vec(),
        other.to_bytes().to_vec(),
    ];
    use p256::pkcs8::EncodePublicKey;
    let spki = theirs.to_public_key_der().unwrap().into_vec();
    World { ours, theirs, signatures, spki }
});

pub fn run(data: &[u8]) -> Verdict {
    let world = &*WORLD;
    let Some((&selected, rest)) = data.split_first() else {
        return Verdict::Refused;
    };
    match selected % 6 {
        0 => signature(world, rest),
        number @ 1..=3 => {
            signature(world, &edited(&world.signatures[usize::from(number) - 1], rest))
        }
        4 => key(rest),
        _ => key(&edited(&world.spki, rest)),
    }
}

fn signature(world: &World, signature: &[u8]) -> Verdict {
    let ours = world.ours.verify(Algorithm::ES256, MESSAGE, signature);
    let parsed = p256::ecdsa::Signature::from_slice(signature);
    let theirs = parsed.and_then(|parsed| world.theirs.verify(MESSAGE, &parsed));
    assert_eq!(ours.is_ok(), theirs.is_ok(), "{signature:02x?}");
    Verdict::of(&ours)
}

fn key(der: &[u8]) -> Verdict {
    let ours = VerifyingKey::from_der(Algorithm::ES256, der);
    if let Ok(ours) = &ours {
        let written = ours.to_pem().unwrap();
        let theirs = p256::PublicKey::from_public_key_pem(&written).unwrap();
        let jwk: Value = serde_json::from_str(&ours.to_jwk().unwrap().to_json()).unwrap();
        // p256 reads no other members.
        let numbers = json!({"kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["y"]});
        assert_eq!(p256::PublicKey::from_jwk_str(&numbers.to_string()).unwrap(), theirs);
        assert_eq!(
            VerifyingKey::from_pem(Algorithm::ES256, &written).unwrap().to_jwk(),
            ours.to_jwk()
        );
    }
    if p256::PublicKey::from_public_key_der(der).is_ok() {
        assert!(ours.is_ok(), "p256 accepts this key: {der:02x?}: {ours:?}");
    }
    for algorithm in [Algorithm::RS256, Algorithm::ES384, Algorithm::EdDSA] {
        let _ = VerifyingKey::from_der(algorithm, der);
        let _ = SigningKey::from_der(algorithm, der);
    }
    Verdict::of(&ours)
}

/// Applies groups of three bytes: operation, place, byte.
fn edited(good: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(edit[1]) % (bytes.len() + 1);
        match edit[0] % 4 {
            0 if at < bytes.len() => bytes[at] ^= edit[2],
            1 => bytes.insert(at, edit[2]),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            _ => bytes.rotate_left(at),
        }
    }
    bytes
}
