//! Keys in every form, what is refused, and the choice among the keys of a set.

mod disguise;
mod export;
mod forms;
mod jwks;
mod lenient;
mod pem_and_der;
mod pss;
#[cfg(feature = "testing")]
mod published;
mod sets;

use jamguard::jose::{Algorithm, Jwk, Jws, KeySet, SigningKey, VerifyingKey};
use jamguard::{Error, ErrorKind};
use serde_json::{Value, json};
use std::fmt::Debug;

const MESSAGE: &[u8] = b"message";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../vectors/keys.json")).unwrap()
}

/// The name in the vectors of the key that fits, `None` for HMAC.
fn name(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => None,
        Algorithm::ES256 => Some("p256"),
        Algorithm::ES384 => Some("p384"),
        Algorithm::ES512 => Some("p521"),
        Algorithm::EdDSA | Algorithm::Ed25519 => Some("ed25519"),
        _ => Some("rsa"),
    }
}

fn key(name: &str) -> Value {
    vectors()[name].clone()
}

/// A private JWK as it is, and with other members.
fn jwk(name: &str, members: Value) -> String {
    let mut jwk = key(name)["jwk"].clone();
    for (member, value) in members.as_object().unwrap() {
        jwk[member] = value.clone();
    }
    jwk.to_string()
}

fn oct(secret: &[u8], members: Value) -> String {
    let mut jwk = json!({"kty": "oct", "k": base64url(secret)});
    for (member, value) in members.as_object().unwrap() {
        jwk[member] = value.clone();
    }
    jwk.to_string()
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn der(pem: &str) -> Vec<u8> {
    pem::parse(pem).unwrap().into_contents()
}

fn thumbprint(key: &VerifyingKey) -> String {
    key.to_jwk().unwrap().thumbprint().unwrap()
}

/// The two halves belong together, and neither fits another message or algorithm.
fn assert_pair(algorithm: Algorithm, signing: &SigningKey, verifying: &VerifyingKey) {
    let signature = signing.sign(MESSAGE).unwrap();
    verifying.verify(algorithm, MESSAGE, &signature).unwrap();
    let other = verifying.verify(algorithm, b"massage", &signature);
    assert_eq!(other.unwrap_err().kind(), ErrorKind::BadSignature);
    for other in Algorithm::ALL {
        if !verifying.algorithms().any(|mine| mine == other) {
            let refused = verifying.verify(other, MESSAGE, &signature).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::UnsupportedAlgorithm, "{other}");
        }
    }
}

/// The call is refused as a key, with a message that holds `advice`.
#[track_caller]
fn refused<T: Debug>(result: Result<T, Error>, advice: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey, "{error}");
    assert!(error.message().contains(advice), "{error}");
}

#[test]
fn nothing_private_is_printed() {
    let secret = std::str::from_utf8(SECRET).unwrap();
    let mut printed = Vec::new();
    let mut private = vec![secret.to_owned(), base64url(SECRET), format!("{SECRET:?}")];
    for algorithm in Algorithm::ALL {
        let key = match name(algorithm) {
            Some(name) => {
                let jwk = key(name)["jwk"].clone();
                for member in ["d", "p", "q", "dp", "dq", "qi"] {
                    private.extend(jwk[member].as_str().map(str::to_owned));
                }
                printed.push(format!("{:?}", Jwk::from_json(&jwk.to_string()).unwrap()));
                // Errors about a private JWK, of which one number is wrong.
                for member in ["d", "p", "qi", "x", "n", "kty"] {
                    let broken = self::jwk(name, json!({member: "AQ"}));
                    let errors = [
                        SigningKey::from_jwk(algorithm, &broken).err(),
                        VerifyingKey::from_jwk(&broken).err(),
                    ];
                    for error in errors.into_iter().flatten() {
                        printed.push(format!("{error} {error:?}"));
                    }
                }
                SigningKey::from_jwk(algorithm, &jwk.to_string()).unwrap()
            }
            None => SigningKey::from_secret(algorithm, SECRET).unwrap(),
        };
        let verifying = key.verifying_key().unwrap();
        printed.push(format!("{key:?} {key:#?} {verifying:?} {verifying:#?}"));
        printed.push(format!("{:?}", KeySet::from(verifying)));
        let wrong = SigningKey::from_secret(Algorithm::ES256, SECRET).unwrap_err();
        printed.push(format!("{wrong} {wrong:?}"));
    }
    let short = &SECRET[..20];
    let error = VerifyingKey::from_secret(Algorithm::HS256, short).unwrap_err();
    printed.push(format!("{error} {error:?}"));
    private.push(secret[..20].to_owned());
    assert!(printed.len() > 60);
    for text in printed {
        for private in &private {
            assert!(!text.contains(private.as_str()), "{text}");
        }
    }
}
