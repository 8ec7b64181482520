//! The tokens of Firebase's Auth emulator are not signed: refused, but for the named opt-in.

use crate::support::issuer::{NOW, changed, set_of};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint, mint_with_header};
use jamguard::{Authenticator, Error, ErrorKind, Preset};
use serde_json::{Value, json};

/// As the emulator writes them.
fn claims() -> Value {
    json!({
        "email": "ann@acme.example",
        "email_verified": false,
        "auth_time": NOW - 10,
        "user_id": "ZVV3",
        "firebase": {"identities": {"email": ["ann@acme.example"]}, "sign_in_provider": "password"},
        "iat": NOW - 10,
        "exp": NOW + 3600,
        "aud": "demo-shop",
        "iss": "https://securetoken.google.com/demo-shop",
        "sub": "ZVV3",
    })
}

fn unsigned(header: Value, changes: Value) -> String {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let payload = changed(&claims(), &changes).to_string();
    let token = mint_with_header(&key, &header, payload.as_bytes()).unwrap();
    token[..=token.rfind('.').unwrap()].to_owned()
}

fn emulated(changes: Value) -> String {
    unsigned(json!({"alg": "none", "typ": "JWT"}), changes)
}

fn auth(preset: Preset) -> Result<Authenticator, Error> {
    Authenticator::builder().preset(preset).clock(ManualClock::at(NOW)).build()
}

#[tokio::test]
async fn unsigned_tokens_are_accepted_by_the_named_opt_in_alone() {
    let token = emulated(json!({}));
    let auth = auth(Preset::firebase("demo-shop").danger_firebase_emulator()).unwrap();
    for _ in 0..2 {
        let identity = auth.authenticate(&token).await.unwrap();
        assert_eq!(identity.subject(), Some("ZVV3"));
    }
    let key = SigningKey::generate(Algorithm::RS256).unwrap().with_key_id("k1");
    let without = Preset::firebase("demo-shop").jwks_json(set_of(&[&key])).build().unwrap();
    let error = without.verify(&token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedAlgorithm, "{error}");
}

/// The token of the cache is the client's.
#[tokio::test]
async fn an_unsigned_token_is_remembered_checked_again_and_forgotten() {
    let token = emulated(json!({}));
    let auth = auth(Preset::firebase("demo-shop").danger_firebase_emulator()).unwrap();
    let identity = auth.authenticate(&token).await.unwrap();
    assert_eq!(identity.token().unwrap().expose_token(), token);
    identity.validity().check().await.unwrap();

    let preset = Preset::firebase("demo-shop").danger_firebase_emulator();
    let preset = preset.map_verifier(|verifier| verifier.clock(ManualClock::at(NOW)));
    let verifier = preset.build().unwrap();
    for (hits, misses) in [(0, 1), (1, 1)] {
        verifier.verify(&token).await.unwrap();
        let stats = verifier.cache_stats();
        assert_eq!((stats.hits, stats.misses), (hits, misses));
    }
    verifier.forget_token(&token);
    verifier.verify(&token).await.unwrap();
    assert_eq!(verifier.cache_stats().misses, 2);
}

#[tokio::test]
async fn the_opt_in_accepts_nothing_but_the_emulators_tokens_of_its_project() {
    let auth = auth(Preset::firebase("demo-shop").danger_firebase_emulator()).unwrap();
    let signed = |algorithm| {
        let key = SigningKey::generate(algorithm).unwrap();
        mint(&key, &claims()).unwrap()
    };
    let ed = signed(Algorithm::Ed25519);
    let other = json!({"iss": "https://securetoken.google.com/acme-shop", "aud": "acme-shop"});
    let none = |typ: Value| json!({"alg": "none", "typ": typ});
    let twice = format!(
        "{}.{}.",
        emulated(json!({})).split('.').next().unwrap(),
        ed.split('.').nth(1).unwrap().replace('e', "f")
    );
    let refused = [
        ("signed", signed(Algorithm::RS256)),
        ("signed with the algorithm of the verifier", ed.clone()),
        ("the signature removed", format!("{}.", &ed[..ed.rfind('.').unwrap()])),
        ("another spelling of none", unsigned(json!({"alg": "None"}), json!({}))),
        ("without alg", unsigned(json!({"typ": "JWT"}), json!({}))),
        ("with a signature", format!("{}AAAA", emulated(json!({})))),
        ("another project", emulated(other)),
        ("another issuer", emulated(json!({"iss": "https://securetoken.google.com/demo-b"}))),
        ("another audience", emulated(json!({"aud": "demo-b"}))),
        ("several audiences", emulated(json!({"aud": ["demo-shop", "demo-b"]}))),
        ("without an issuer", emulated(json!({"iss": null}))),
        ("expired", emulated(json!({"exp": NOW - 3600}))),
        ("without a user", emulated(json!({"sub": null}))),
        ("no JSON", twice),
        ("empty", "..".to_owned()),
    ];
    for (what, token) in refused {
        assert!(auth.authenticate(&token).await.is_err(), "{what}");
    }
    // The header's other members do not matter.
    auth.authenticate(&unsigned(none(json!("jwt")), json!({}))).await.unwrap();
}

/// The rules of the verifier are changed as far as they can be.
#[tokio::test]
async fn no_other_rule_lets_an_unsigned_token_of_another_project_in() {
    let key = SigningKey::generate(Algorithm::Ed25519).unwrap();
    let other = json!({"iss": "https://login.acme.example", "aud": "orders"});
    let preset = Preset::firebase("demo-shop")
        .danger_firebase_emulator()
        .issuer("https://login.acme.example")
        .any_audience()
        .map_verifier(|verifier| verifier.key(key.verifying_key().unwrap()));
    let auth = auth(preset).unwrap();
    assert!(auth.authenticate(&emulated(other.clone())).await.is_err());
    assert!(auth.authenticate(&emulated(json!({}))).await.is_err());
    let signed = mint(&key, &changed(&claims(), &other)).unwrap();
    assert!(auth.authenticate(&signed).await.is_err());
}

#[test]
fn the_opt_in_is_refused_where_users_may_be_real() {
    for (preset, says) in [
        (Preset::firebase("acme-shop"), "demo-"),
        (Preset::firebase("my-demo-shop"), "demo-"),
        (Preset::google().audience("a"), "for firebase"),
        (Preset::auth0("demo-a.auth0.com").audience("a"), "for firebase"),
    ] {
        let error = preset.danger_firebase_emulator().build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(says), "{error}");
    }
    // Other keys switch it off.
    let key = SigningKey::generate(Algorithm::RS256).unwrap();
    let preset = Preset::firebase("demo-shop").danger_firebase_emulator();
    let verifier = preset.jwks_json(set_of(&[&key])).build().unwrap();
    let answer = crate::support::issuer::at_once(verifier.verify(&emulated(json!({}))));
    assert_eq!(answer.unwrap().unwrap_err().kind(), ErrorKind::UnsupportedAlgorithm);
}
