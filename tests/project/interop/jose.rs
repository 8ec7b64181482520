//! All thirteen algorithms with Node's jose, both directions: our tokens verify there, theirs
//! here, with keys in every form that either side writes.

use crate::support::tokens::{AUDIENCE, ISSUER, NOW, verify};
use jamguard::jose::{Algorithm, SigningKey, VerifyingKey};
use jamguard::testing::ManualClock;
use jamguard::{Issuer, KeyRing, Verifier};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Has the other side answer; installs it first where it is not there.
fn ask(request: &Value) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let need = Command::new(root.join("scripts/need-node-packages")).output();
    let need = need.expect("scripts/need-node-packages runs: it needs bash");
    assert!(
        need.status.success(),
        "this test needs Node 20 or newer, npm, and jose from the npm registry; install them with \
         scripts/need-node-packages\n{}",
        String::from_utf8_lossy(&need.stderr)
    );
    let mut node = Command::new("node")
        .arg(root.join("tests/project/interop/other_side.mjs"))
        .current_dir(root.join("target/interop"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = node.stdin.take().unwrap();
    input.write_all(request.to_string().as_bytes()).unwrap();
    drop(input);
    let output = node.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{complaint}"))
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

async fn issue(issuer: &Issuer, claims: &Value) -> String {
    issuer.issue(claims).await.unwrap().expose().to_owned()
}

/// What jose needs to verify our tokens with this key.
fn public_forms(key: &SigningKey) -> (Value, Value) {
    let public = key.verifying_key().unwrap();
    match public.to_jwk() {
        Some(jwk) => (json_of(&jwk.to_json()), json!(public.to_pem().unwrap())),
        None => (json_of(key.expose_private_jwk().unwrap().expose()), Value::Null),
    }
}

fn verification(key: &SigningKey, token: &str, set: Option<&str>) -> Value {
    let (jwk, pem) = public_forms(key);
    json!({
        "alg": key.algorithm().name(), "token": token, "jwk": jwk, "pem": pem,
        "set": set.map(json_of),
        "rules": {"now": NOW, "issuer": ISSUER, "audience": AUDIENCE, "typ": "JWT"},
    })
}

/// A verifier of tokens that the other side signed.
fn verifier(key: VerifyingKey, algorithm: Algorithm) -> Verifier {
    Verifier::builder()
        .key(key)
        .algorithms([algorithm])
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .token_type("JWT")
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap()
}

#[tokio::test]
async fn all_algorithms_go_to_jose_and_back() {
    let (mut to_verify, mut to_sign, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let data =
        json!({"sub": "42", "name": "Ünï \"cödé\"", "n": 9_007_199_254_740_991_u64, "x": 0.1});
    let theirs = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "7", "iat": NOW, "exp": NOW + 60});
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(algorithm).unwrap();
        let ring = KeyRing::builder(algorithm).clock(ManualClock::at(NOW));
        let ring = ring.key(key.clone()).build().unwrap();
        // More than one key, so that the kid has to choose.
        ring.rotate().await.unwrap();
        let issuer = Issuer::builder().key_ring(ring.clone());
        let issuer = issuer.issuer(ISSUER).audience(AUDIENCE).build().unwrap();
        let token = issue(&issuer, &data).await;
        let set = ring.verifying_keys().await.unwrap().to_json();
        let published = (name(algorithm) != "HS").then_some(&*set);
        to_verify.push(verification(&key, &token, published));
        let pem = key.expose_private_pem().ok();
        to_sign.push(json!({
            "alg": algorithm.name(), "claims": theirs,
            "jwk": json_of(key.expose_private_jwk().unwrap().expose()),
            "pem": pem.as_ref().map(|pem| pem.expose()),
        }));
        keys.push(key);
    }
    let answer = ask(&json!({"verify": to_verify, "sign": to_sign}));

    let (mut verified_there, mut verified_here) = (0, 0);
    let mut second = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        let algorithm = key.algorithm();
        for answer in answer["verified"][at].as_array().unwrap() {
            assert_eq!(answer["header"]["alg"], algorithm.name());
            for (name, value) in data.as_object().unwrap() {
                assert_eq!(&answer["payload"][name], value, "{algorithm}");
            }
            assert_eq!(answer["payload"]["exp"], NOW + 900);
            verified_there += 1;
        }

        let signed = &answer["signed"][at];
        let ours = verifier(key.verifying_key().unwrap(), algorithm);
        for token in signed["ours"].as_array().unwrap() {
            let verified = verify(&ours, token.as_str().unwrap());
            let verified = verified.unwrap_or_else(|kind| panic!("{algorithm}: {kind}"));
            assert_eq!(verified.subject(), Some("7"));
            verified_here += 1;
        }

        // A key of theirs, in every form that they write.
        let own = &signed["own"];
        let text = |name: &str| own[name].as_str().unwrap();
        let mut private = vec![SigningKey::from_jwk(algorithm, &own["private"].to_string())];
        let mut public = Vec::new();
        if name(algorithm) == "HS" {
            public.push(VerifyingKey::from_jwk(&own["private"].to_string()));
        } else {
            private.push(SigningKey::from_pem(algorithm, text("private_pem")));
            public.push(VerifyingKey::from_jwk(&own["public"].to_string()));
            public.push(VerifyingKey::from_pem(algorithm, text("public_pem")));
        }
        for key in public {
            let theirs = verifier(key.unwrap(), algorithm);
            assert!(verify(&theirs, text("token")).is_ok(), "{algorithm}");
            verified_here += 1;
        }
        for key in private {
            let key = key.unwrap();
            if name(algorithm) != "HS" {
                assert_eq!(key.thumbprint().unwrap(), text("thumbprint"));
            }
            let issuer = Issuer::builder().key(key.clone()).clock(ManualClock::at(NOW));
            let issuer = issuer.issuer(ISSUER).audience(AUDIENCE).build().unwrap();
            second.push(verification(&key, &issue(&issuer, &data).await, None));
        }
    }
    let count = second.len();
    let answer = ask(&json!({"verify": second, "sign": []}));
    assert_eq!(answer["verified"].as_array().unwrap().len(), count);
    println!("{verified_there} + {count} verified by jose, {verified_here} by us");
    // HS: one form each; the others: JWK, PEM and the set there, five keys and forms here.
    assert_eq!((verified_there, verified_here), (3 + 11 * 3, 3 * 2 + 11 * 4));
}

fn name(algorithm: Algorithm) -> &'static str {
    &algorithm.name()[..2]
}
