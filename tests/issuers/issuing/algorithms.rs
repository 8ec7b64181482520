//! Every algorithm: ours with ours, ours with jsonwebtoken, theirs with ours.

use super::*;
use crate::support::tokens;
use jamguard::jose::VerifyingKey;
use jsonwebtoken::{DecodingKey, EncodingKey, Validation};

#[test]
fn all_of_them_issue_and_verify() {
    for algorithm in Algorithm::ALL {
        let issuer = sound_of(key(algorithm));
        let token = issue(&issuer, &json!({"sub": "42"})).unwrap();
        assert_eq!(part(&token, 0)["alg"], algorithm.name());
        let verified = verify(&issuer.verifier(), &token).unwrap();
        assert_eq!(verified.subject(), Some("42"));
        let damaged = tokens::with_signature(&token, {
            let mut signature = tokens::signature(&token);
            signature[5] ^= 1;
            signature
        });
        let refused = verify(&issuer.verifier(), &damaged).map(drop);
        assert_eq!(refused, Err(ErrorKind::BadSignature), "{algorithm}");
    }
}

fn sound_of(key: SigningKey) -> Issuer {
    Issuer::builder()
        .key(key)
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap()
}

/// jsonwebtoken knows neither ES512 nor the name Ed25519.
fn theirs(algorithm: Algorithm) -> Option<jsonwebtoken::Algorithm> {
    algorithm.name().parse().ok()
}

fn their_keys(key: &SigningKey) -> (EncodingKey, DecodingKey) {
    let algorithm = key.algorithm();
    let jwk = key.expose_private_jwk().unwrap();
    let jwk: Value = serde_json::from_str(jwk.expose()).unwrap();
    if let Some(secret) = jwk["k"].as_str() {
        let secret = tokens::decode(secret);
        return (
            EncodingKey::from_secret(&secret).unwrap(),
            DecodingKey::from_secret(&secret).unwrap(),
        );
    }
    let (private, public) =
        (key.expose_private_pem().unwrap(), key.verifying_key().unwrap().to_pem().unwrap());
    let (private, public) = (private.expose().as_bytes(), public.as_bytes());
    match algorithm.name().as_bytes()[..2] {
        [b'E', b'S'] => {
            (EncodingKey::from_ec_pem(private).unwrap(), DecodingKey::from_ec_pem(public).unwrap())
        }
        [b'E', b'd'] => {
            (EncodingKey::from_ed_pem(private).unwrap(), DecodingKey::from_ed_pem(public).unwrap())
        }
        _ => (
            EncodingKey::from_rsa_pem(private).unwrap(),
            DecodingKey::from_rsa_pem(public).unwrap(),
        ),
    }
}

#[test]
fn twelve_of_them_go_to_jsonwebtoken_and_back() {
    let mut compared = 0;
    for algorithm in Algorithm::ALL {
        let Some(their_algorithm) = theirs(algorithm) else {
            continue;
        };
        let key = key(algorithm);
        let issuer = sound_of(key.clone());
        let (encoding, decoding) = their_keys(&key);

        let token = issue(&issuer, &json!({"sub": "42"})).unwrap();
        let mut rules = Validation::new(their_algorithm);
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[ISSUER]);
        // Their clock is the system's.
        rules.validate_exp = false;
        let decoded = jsonwebtoken::decode::<Value>(&token, &decoding, &rules).unwrap();
        assert_eq!(decoded.claims, part(&token, 1), "{algorithm}");

        let header = jsonwebtoken::Header::new(their_algorithm);
        let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "7", "exp": NOW + 60});
        let token = jsonwebtoken::encode(&header, &claims, &encoding).unwrap();
        let verified = verify(&issuer.verifier(), &token).unwrap();
        assert_eq!(verified.subject(), Some("7"), "{algorithm}");
        compared += 1;
    }
    assert_eq!(compared, 12, "the algorithms that jsonwebtoken knows");
}

#[test]
fn ed25519_has_two_names_and_each_is_kept() {
    let key = key(Algorithm::EdDSA);
    let pem = key.expose_private_pem().unwrap();
    for algorithm in [Algorithm::EdDSA, Algorithm::Ed25519] {
        let same = SigningKey::from_pem(algorithm, pem.expose()).unwrap();
        let token = issue(&sound_of(same), &json!({})).unwrap();
        assert_eq!(part(&token, 0)["alg"], algorithm.name());
        let public = key.verifying_key().unwrap().to_pem().unwrap();
        assert!(VerifyingKey::from_pem(algorithm, &public).is_ok());
    }
}
