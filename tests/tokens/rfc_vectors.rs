//! The examples of RFC 7515 (A.1, A.3, A.4), RFC 7520 (4.3), RFC 8037 (A.4) and RFC 7638 (3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jamguard::jose::{Algorithm, Jwk, Jws, KeySet, SigningKey, VerifyingKey};
use serde_json::Value;

struct Example {
    name: String,
    algorithm: Algorithm,
    token: String,
    jwk: String,
    thumbprint: Option<String>,
}

impl Example {
    fn keys(&self) -> KeySet {
        VerifyingKey::from_jwk(&self.jwk).unwrap().into()
    }
}

fn examples() -> Vec<Example> {
    let file: Value = serde_json::from_str(include_str!("../vectors/rfc.json")).unwrap();
    let entries = file["jws"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let examples: Vec<_> = entries
        .iter()
        .map(|entry| {
            let name = text(&entry["name"]);
            let algorithm = match name.as_str() {
                "RFC7515-A.1" => Algorithm::HS256,
                "RFC7515-A.3" => Algorithm::ES256,
                "RFC7515-A.4" | "RFC7520-4.3" => Algorithm::ES512,
                "RFC8037-A.4" => Algorithm::EdDSA,
                other => panic!("unknown example {other}"),
            };
            Example {
                name,
                algorithm,
                token: text(&entry["compact"]),
                jwk: entry["jwk"].to_string(),
                thumbprint: entry["thumbprint"].as_str().map(str::to_owned),
            }
        })
        .collect();
    assert_eq!(examples.len(), 5);
    examples
}

#[test]
fn every_example_verifies_under_its_algorithm_and_no_other() {
    for example in examples() {
        let jws = Jws::verify(&example.token, &example.keys(), &[example.algorithm]).unwrap();
        let payload = example.token.split('.').nth(1).unwrap();
        assert_eq!(jws.payload(), BASE64URL.decode(payload).unwrap());
        assert_eq!(jws.header().algorithm(), example.algorithm);
        let kid = (example.name == "RFC7520-4.3").then_some("bilbo.baggins@hobbiton.example");
        assert_eq!(jws.header().key_id(), kid);

        let others: Vec<_> =
            Algorithm::ALL.into_iter().filter(|other| *other != example.algorithm).collect();
        assert!(Jws::verify(&example.token, &example.keys(), &others).is_err());
        for other in examples() {
            let accepted = Jws::verify(&example.token, &other.keys(), &Algorithm::ALL).is_ok();
            assert_eq!(accepted, other.name == example.name);
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let mut flips = 0;
    for example in examples() {
        let keys = example.keys();
        let parts: Vec<Vec<u8>> =
            example.token.split('.').map(|part| BASE64URL.decode(part).unwrap()).collect();
        for part in 0..3 {
            for at in 0..parts[part].len() {
                let mut parts = parts.clone();
                parts[part][at] ^= 1 << (at % 8);
                let token: Vec<_> = parts.iter().map(|part| BASE64URL.encode(part)).collect();
                let verdict = Jws::verify(&token.join("."), &keys, &Algorithm::ALL);
                assert!(verdict.is_err(), "{} part {part} byte {at}", example.name);
                flips += 1;
            }
        }
    }
    assert!(flips > 700, "{flips}");
}

#[test]
fn the_private_keys_sign_again() {
    for example in examples() {
        let key = SigningKey::from_jwk(example.algorithm, &example.jwk).unwrap();
        let (input, signature) = example.token.rsplit_once('.').unwrap();
        let ours = key.sign(input.as_bytes()).unwrap();
        let token = format!("{input}.{}", BASE64URL.encode(&ours));
        Jws::verify(&token, &example.keys(), &[example.algorithm]).unwrap();
        // ECDSA signatures differ each time, the others never.
        if matches!(example.algorithm, Algorithm::HS256 | Algorithm::EdDSA) {
            assert_eq!(BASE64URL.encode(ours), signature, "{}", example.name);
        }
    }
}

#[test]
fn thumbprints() {
    let with_thumbprint =
        examples().into_iter().find(|example| example.thumbprint.is_some()).unwrap();
    assert_eq!(with_thumbprint.name, "RFC8037-A.4");
    let jwk = Jwk::from_json(&with_thumbprint.jwk).unwrap();
    assert_eq!(Some(jwk.thumbprint().unwrap()), with_thumbprint.thumbprint);

    let jwk = Jwk::from_json(
        r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
    )
    .unwrap();
    assert_eq!(jwk.thumbprint().unwrap(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}
