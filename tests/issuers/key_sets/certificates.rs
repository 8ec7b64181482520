//! Key sets of certificates: their dates, by the clock of the key set.

use crate::support::issuer::{Answer, MINUTE, NOW, World, claims, verifier, verify};
use jamguard::ErrorKind;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::jwks::RemoteKeySet;
use jamguard::testing::{ManualClock, mint};
use serde_json::{Value, json};
use std::time::Duration;

/// The certificate of this key is valid in the years 2024 to 2033.
const BEGINS: u64 = 1_704_067_200;
const ENDS: u64 = 2_019_686_400;

fn vector(name: &str) -> String {
    let vectors = include_str!("../../vectors/keys.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    vectors["p256"][name].as_str().unwrap().to_owned()
}

fn key() -> SigningKey {
    SigningKey::from_pem(Algorithm::ES256, &vector("pkcs8")).unwrap().with_key_id("a")
}

/// The base64 between the lines of the certificate's PEM.
fn chain() -> Value {
    let lines = vector("certificate");
    json!([lines.lines().filter(|line| !line.starts_with("---")).collect::<String>()])
}

fn sets() -> [Value; 2] {
    [
        json!({"a": vector("certificate")}),
        json!({"keys": [{"kty": "EC", "kid": "a", "x5c": chain()}]}),
    ]
}

async fn answer_at(now: u64, set: &Value) -> Result<(), String> {
    let world = World::new().await;
    world.server.set("/keys", Answer::ok(set.to_string()));
    let clock = ManualClock::at(now);
    let keys = RemoteKeySet::builder(world.server.url("/keys")).clock(clock.clone());
    let keys = keys.build().unwrap();
    let mut claims = claims();
    claims["exp"] = json!(now + 60);
    let verifier = verifier(&keys, &clock);
    let verified = verifier.verify(&mint(&key(), &claims).unwrap()).await;
    verified.map(drop).map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        error.message().to_owned()
    })
}

#[tokio::test]
async fn a_certificate_is_used_within_its_dates() {
    for set in sets() {
        for now in [BEGINS, NOW, ENDS] {
            assert_eq!(answer_at(now, &set).await, Ok(()), "{now} {set}");
        }
        let late = answer_at(ENDS + 5, &set).await.unwrap_err();
        assert!(late.contains("key \"a\": the certificate is expired since 5 s"), "{late}");
        let early = answer_at(BEGINS - 7, &set).await.unwrap_err();
        assert!(early.contains("key \"a\": the certificate is not valid yet, for 7 s"), "{early}");
    }
}

/// A certificate beside the numbers of a key says nothing about the key.
#[tokio::test]
async fn dates_do_not_matter_where_the_jwk_has_its_numbers() {
    let jwk = key().verifying_key().unwrap().to_jwk().unwrap().to_json();
    let mut jwk: Value = serde_json::from_str(&jwk).unwrap();
    jwk["x5c"] = chain();
    assert_eq!(answer_at(ENDS + 1, &json!({"keys": [jwk]})).await, Ok(()));
}

#[tokio::test]
async fn a_certificate_that_expires_ends_with_the_next_fetch() {
    let world = World::new().await;
    let other = &world.key;
    let mut set = json!({"keys": [{"kty": "EC", "kid": "a", "x5c": chain()}]});
    let jwk = other.verifying_key().unwrap().to_jwk().unwrap().to_json();
    set["keys"].as_array_mut().unwrap().push(serde_json::from_str(&jwk).unwrap());
    world.server.set("/keys", Answer::ok(set.to_string()));
    let clock = ManualClock::at(ENDS - 1);
    let keys = RemoteKeySet::builder(world.server.url("/keys")).clock(clock.clone());
    let keys = keys.max_stale(Duration::ZERO).build().unwrap();
    let verifier = verifier(&keys, &clock);
    let token = |key: &SigningKey, jti: u8| {
        let mut claims = claims();
        (claims["exp"], claims["jti"]) = (json!(ENDS + 86_400), json!(jti.to_string()));
        mint(key, &claims).unwrap()
    };
    assert_eq!(verify(&verifier, &token(&key(), 1)).await, Ok(()));
    clock.advance(11 * MINUTE);
    let cached = verify(&verifier, &token(&key(), 1)).await;
    assert_eq!(cached, Err(ErrorKind::UnknownKey));
    assert_eq!(verify(&verifier, &token(other, 2)).await, Ok(()));
}

#[tokio::test]
async fn a_set_of_a_thousand_keys_is_refused_and_the_known_keys_stay() {
    let world = World::new().await;
    assert_eq!(world.verify(&world.key).await, Ok(()));
    let jwk = world.key.verifying_key().unwrap().to_jwk().unwrap().to_json();
    let jwk: Value = serde_json::from_str(&jwk).unwrap();
    let keys: Vec<Value> = (0..1000)
        .map(|n| {
            let mut jwk = jwk.clone();
            jwk["kid"] = json!(format!("k{n}"));
            jwk
        })
        .collect();
    world.server.set("/keys", Answer::ok(json!({ "keys": keys }).to_string()));
    world.clock.advance(11 * MINUTE);
    let error = RemoteKeySet::builder(world.server.url("/keys")).build().unwrap();
    let error = error.load().await.unwrap_err();
    assert!(error.message().contains("holds 1000 keys: at most 100"), "{error}");
    assert_eq!(world.verify(&world.key).await, Ok(()));
}
