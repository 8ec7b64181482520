//! Tokens that jamlib really produced: each gets the verdict of its `verify` field.

use jamguard::jose::{Algorithm, SigningKey, VerifyingKey};
use jamguard::testing::{self, ManualClock};
use jamguard::{Error, ErrorKind, Verified, Verifier};
use serde_json::{Value, json};

const NOW: u64 = 1_750_000_000;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/jamlib.json")).unwrap()
}

/// The vectors of one kind, each with its key.
fn of_kind(kind: &str) -> Vec<(Value, VerifyingKey, Algorithm)> {
    let file = vectors();
    let entries = file["vectors"].as_array().unwrap();
    entries
        .iter()
        .filter(|entry| entry["kind"] == kind)
        .map(|entry| {
            let input = &entry["input"];
            let algorithm = input["alg"].as_str().unwrap().parse().unwrap();
            let key = match input["secret_key"].as_str() {
                Some(secret) => secret_key(algorithm, secret),
                None => {
                    let pem = &file["keys"][input["key"].as_str().unwrap()]["public"];
                    VerifyingKey::from_pem(algorithm, pem.as_str().unwrap()).unwrap()
                }
            };
            (entry.clone(), key, algorithm)
        })
        .collect()
}

/// jamlib takes secrets that are too short for HS512; such a token is judged under HS256, whose
/// digest it really carries, so that it is not refused for its key alone.
fn secret_key(algorithm: Algorithm, secret: &str) -> VerifyingKey {
    VerifyingKey::from_secret(algorithm, secret.as_bytes()).unwrap_or_else(|error| {
        assert_eq!(error.kind(), ErrorKind::InvalidKey);
        VerifyingKey::from_secret(Algorithm::HS256, secret.as_bytes()).unwrap()
    })
}

/// Asks for what the vectors of jamlib 4 have; those of jamlib 2 lack `iss` and `aud`.
fn verifier(key: &VerifyingKey, id: &str) -> Verifier {
    let builder = Verifier::builder()
        .key(key.clone())
        .algorithms(key.algorithms())
        .token_type("JWT")
        .require(["jti"])
        .clock(ManualClock::at(NOW));
    let builder = match id.starts_with("v2-") {
        true => builder.any_audience(),
        false => builder.issuer("https://issuer.example").audience("api").require(["sub"]),
    };
    builder.build().unwrap()
}

async fn verdict(entry: &Value, key: &VerifyingKey) -> Result<Verified, Error> {
    let id = entry["id"].as_str().unwrap();
    let token = entry["output"]["token"].as_str().unwrap();
    verifier(key, id).verify(token).await
}

#[tokio::test]
async fn what_is_sound_is_accepted_with_its_claims() {
    let vectors = of_kind("jwt");
    assert_eq!(vectors.len(), 11);
    for (entry, key, algorithm) in vectors {
        assert_eq!(entry["verify"], "accept");
        let verified = verdict(&entry, &key).await.unwrap();
        assert_eq!(*verified.claims::<Value>().unwrap(), entry["input"]["payload"]);
        assert_eq!(verified.header().unwrap().algorithm(), algorithm);
        println!("{}: accepted", entry["id"]);
    }
}

#[tokio::test]
async fn what_jamlib_wrongly_accepts_or_makes_is_refused() {
    let vectors = of_kind("jwt_reject");
    assert_eq!(vectors.len(), 7);
    for (entry, key, _) in vectors {
        assert_eq!(entry["verify"], "reject");
        let expected = match entry["id"].as_str().unwrap() {
            "v2-jwt-hs512-bug" | "v2-accepts-unknown_HS_alg" => ErrorKind::UnsupportedAlgorithm,
            "v2-accepts-trailing_pad"
            | "v2-accepts-junk_bytes"
            | "v2-accepts-noncanonical_last_char" => ErrorKind::Malformed,
            "v2-accepts-nbf_future" => ErrorKind::NotYetValid,
            "v4-jwt-ps256-maxsalt-bug" => ErrorKind::BadSignature,
            other => panic!("unknown vector {other}"),
        };
        let error = verdict(&entry, &key).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{}", entry["id"]);
        println!("{}: {error}", entry["id"]);
    }
}

/// jamlib 2.5.6 signs HS384, HS512, RS384 and RS512 with SHA-256. Its vector has a secret that we
/// refuse for HS512, so here is the same with keys that are long enough.
#[tokio::test]
async fn a_signature_over_the_wrong_hash_is_refused() {
    let file = vectors();
    let rsa = file["keys"]["rsa"]["private"].as_str().unwrap();
    let secret = [b'x'; 64];
    for algorithm in [Algorithm::HS384, Algorithm::HS512, Algorithm::RS384, Algorithm::RS512] {
        let [right, wrong] = match algorithm {
            Algorithm::HS384 | Algorithm::HS512 => [algorithm, Algorithm::HS256]
                .map(|algorithm| SigningKey::from_secret(algorithm, &secret).unwrap()),
            _ => [algorithm, Algorithm::RS256]
                .map(|algorithm| SigningKey::from_pem(algorithm, rsa).unwrap()),
        };
        let header = json!({"alg": algorithm.name(), "typ": "jwt"});
        let payload = json!({"jti": "1", "exp": NOW + 1}).to_string();
        let verifier = verifier(&right.verifying_key().unwrap(), "v2-like");
        for (key, expected) in [(&right, None), (&wrong, Some(ErrorKind::BadSignature))] {
            let token = testing::mint_with_header(key, &header, payload.as_bytes()).unwrap();
            let verdict = verifier.verify(&token).await;
            assert_eq!(verdict.err().map(|error| error.kind()), expected);
        }
    }
}

#[tokio::test]
async fn the_clock_decides_and_nothing_else() {
    let (entry, key, _) = of_kind("jwt").into_iter().next_back().unwrap();
    let token = entry["output"]["token"].as_str().unwrap();
    let (iat, exp) = (1_700_000_000, 4_102_444_800);
    for (now, expected) in [
        (iat - 61, Some(ErrorKind::NotYetValid)),
        (iat - 60, None),
        (exp + 59, None),
        (exp + 60, Some(ErrorKind::Expired)),
    ] {
        let verifier = Verifier::builder()
            .any_audience()
            .key(key.clone())
            .algorithms(key.algorithms())
            .clock(ManualClock::at(now))
            .build()
            .unwrap();
        let verdict = verifier.verify(token).await;
        assert_eq!(verdict.err().map(|error| error.kind()), expected, "{now}");
    }
}

#[tokio::test]
async fn the_private_keys_sign_what_the_public_keys_verify() {
    let file = vectors();
    let mut forms = 0;
    for algorithm in Algorithm::ALL {
        let name = match algorithm {
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => continue,
            Algorithm::ES256 => "p256",
            Algorithm::ES384 => "p384",
            Algorithm::ES512 => "p521",
            Algorithm::EdDSA | Algorithm::Ed25519 => "ed25519",
            _ => "rsa",
        };
        let key = &file["keys"][name];
        let public = VerifyingKey::from_pem(algorithm, key["public"].as_str().unwrap()).unwrap();
        for form in ["private", "private_pkcs1"] {
            let Some(pem) = key[form].as_str() else {
                continue;
            };
            let private = SigningKey::from_pem(algorithm, pem).unwrap();
            let claims = json!({
                "jti": "1", "sub": "42", "iss": "https://issuer.example", "aud": "api",
                "exp": NOW + 1,
            });
            let token = testing::mint(&private, &claims).unwrap();
            let verified = verifier(&public, "ours").verify(&token).await.unwrap();
            assert_eq!(*verified.claims::<Value>().unwrap(), claims);
            forms += 1;
        }
    }
    assert_eq!(forms, 17);
}
