//! A JWK.
//!
//! Oracle: what is written is read again as the same key; the thumbprint is that of RFC 7638; nothing
//! private is written; p256 and jsonwebtoken accept the same points and numbers.

use crate::common::decode_leniently;
use crate::{Verdict, strict};
use jamguard::jose::{Algorithm, Jwk, SigningKey, VerifyingKey};
use jsonwebtoken::DecodingKey;
use p256::elliptic_curve::sec1::FromEncodedPoint;
use serde_json::Value;

pub const WORDS: &[&str] = &[
    "\"kty\":\"EC\"",
    "\"kty\":\"RSA\"",
    "\"kty\":\"OKP\"",
    "\"kty\":\"oct\"",
    "\"crv\":\"P-256\"",
    "\"crv\":\"P-384\"",
    "\"crv\":\"P-521\"",
    "\"crv\":\"Ed25519\"",
    "\"crv\":\"X25519\"",
    "\"use\":\"sig\"",
    "\"use\":\"enc\"",
    "\"key_ops\":[\"verify\"]",
    "\"key_ops\":null",
    "\"alg\":\"ES256\"",
    "\"alg\":null",
    "\"kid\":\"k\"",
    "\"d\":\"AQAB\"",
    "\"e\":\"AQAB\"",
    "\"x\":\"AA\"",
    "\"issuer\":{}",
    "AAAA",
    "_w",
];

pub fn run(data: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(data) else {
        return Verdict::Refused;
    };
    let key = VerifyingKey::from_jwk(text);
    if let Ok(jwk) = Jwk::from_json(text) {
        let again = Jwk::from_json(&jwk.to_json()).unwrap();
        assert!(again == jwk, "{text} is written as {}", jwk.to_json());
        assert_eq!(VerifyingKey::from_public_jwk(&jwk).is_ok(), key.is_ok(), "{text}");
    }
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256, Algorithm::HS256] {
        if let Ok(private) = SigningKey::from_jwk(algorithm, text) {
            // A private key signs what its public key verifies.
            let signature = private.sign(b"message").unwrap();
            let public = private.verifying_key().unwrap();
            public.verify(algorithm, b"message", &signature).unwrap();
        }
    }
    let verdict = Verdict::of(&key);
    let Ok(key) = key else {
        return verdict;
    };
    // The first reader is jamguard's own; this one is not.
    let sent = strict::object(data).unwrap_or_else(|| panic!("not a JSON object: {text}"));
    assert!(key.algorithms().count() > 0);
    assert_eq!(key.key_id(), sent.get("kid").and_then(Value::as_str));
    if let Some(Value::String(alg)) = sent.get("alg") {
        assert!(key.algorithms().all(|algorithm| algorithm.name() == alg), "{text}");
    }
    match key.to_jwk() {
        None => assert_eq!(sent["kty"], "oct"),
        Some(jwk) => check_public(&sent, jwk),
    }
    verdict
}

fn check_public(sent: &serde_json::Map<String, Value>, jwk: &Jwk) {
    let written: Value = serde_json::from_str(&jwk.to_json()).unwrap();
    let text = |name: &str| written[name].as_str().unwrap_or_default();
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert!(written.get(name).is_none(), "writes the private member {name}");
    }
    // RFC 7638 section 3: the required members in order.
    let canonical = match text("kty") {
        "RSA" => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text("e"), text("n")),
        "EC" => format!(
            r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
            text("crv"),
            text("x"),
            text("y")
        ),
        "OKP" => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text("x")),
        other => panic!("a public key of kty {other}"),
    };
    let thumbprint = jwk.thumbprint().unwrap();
    assert_eq!(thumbprint, crate::common::encode(crate::common::sha256(canonical.as_bytes())));
    // The numbers are those that were sent.
    for name in ["n", "e", "x", "y"] {
        let Some(sent) = sent.get(name).and_then(Value::as_str) else { continue };
        if written.get(name).is_some() {
            let [sent, written] = [sent, text(name)].map(|number| {
                let bytes = decode_leniently(number).unwrap();
                let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
                bytes[zeros..].to_vec()
            });
            assert!(sent == written || text("kty") == "OKP", "the number {name}");
        }
    }
    if text("crv") == "P-256" {
        let coordinate =
            |name| *p256::FieldBytes::from_slice(&decode_leniently(text(name)).unwrap());
        let point =
            p256::EncodedPoint::from_affine_coordinates(&coordinate("x"), &coordinate("y"), false);
        assert!(bool::from(p256::PublicKey::from_encoded_point(&point).is_some()), "not a point");
    }
    let theirs: jsonwebtoken::jwk::Jwk = serde_json::from_value(written.clone()).unwrap();
    DecodingKey::from_jwk(&theirs).unwrap();
}
