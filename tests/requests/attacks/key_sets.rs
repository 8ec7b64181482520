//! Attacks 20 to 24: remote keys, and the answers to requests meanwhile.

use crate::attacks::{INVALID, accepts, refuses, serve};
use crate::support::issuer::{self, Answer, World, jwk, key, set_of, until};
use crate::support::{ANN, Request, Servers};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{mint, mint_with_header};
use jamguard::{Authenticator, Verifier};
use serde_json::{Value, json};
use std::time::Duration;

/// Both servers, in front of an issuer that behaves as told.
async fn guarded(world: &World) -> Servers {
    serve(Authenticator::builder().verifier(world.verifier.clone())).await
}

fn claims() -> Value {
    let mut claims = issuer::claims();
    claims["email"] = json!(ANN);
    claims
}

fn token(key: &SigningKey) -> String {
    mint(key, &claims()).unwrap()
}

/// 503 for both kinds of credential: an outage says nothing about the token.
async fn unavailable(servers: &Servers, token: &str, why: &str) {
    for request in [
        Request::get("/me").bearer(token),
        Request::get("/hello").bearer(token),
        Request::get("/guarded").cookie("token", token),
    ] {
        let answer = servers.ask(request).await;
        assert_eq!(answer.status, 503, "{why}");
        assert!(answer.header("retry-after").is_some(), "{why}");
        assert_eq!(answer.header("www-authenticate"), None, "{why}");
        assert_eq!(answer.header("set-cookie"), None, "{why}");
        assert_eq!(answer.json()["type"], "unavailable", "{why}");
    }
}

#[tokio::test]
async fn line_20_keys_that_are_not_public_signature_keys_are_skipped() {
    let theirs = key("theirs");
    let with = |name: &str, value: Value| {
        let mut jwk = jwk(&theirs);
        jwk[name] = value;
        jwk
    };
    let secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA";
    let spoilt = [
        with("kty", json!("XYZ")),
        with("crv", json!("secp256k1")),
        with("use", json!("enc")),
        with("key_ops", json!(["sign"])),
        with("d", jwk(&theirs)["x"].clone()),
        json!({"kty": "oct", "kid": "theirs", "alg": "HS256", "k": secret}),
    ];
    for spoilt in spoilt {
        let world = World::new().await;
        let set = json!({"keys": [spoilt, jwk(&world.key)]});
        world.server.set("/keys", Answer::ok(set.to_string()));
        let servers = guarded(&world).await;
        accepts(&servers, &token(&world.key)).await;
        refuses(&servers, &token(&theirs), 401, INVALID).await;
    }
    // The very key serves without the flaw.
    let world = World::new().await;
    let both = set_of(&[&theirs, &world.key]);
    world.server.set("/keys", Answer::ok(both));
    accepts(&guarded(&world).await, &token(&theirs)).await;
}

#[tokio::test]
async fn line_21_a_duplicate_kid_is_decided_by_type_alg_and_use() {
    let named = |algorithm| {
        let key = SigningKey::generate(algorithm).unwrap();
        key.with_key_id("twice")
    };
    let (ours, other) = (named(Algorithm::ES256), named(Algorithm::ES256));
    let another_type = named(Algorithm::ES384);
    let mut for_encryption = jwk(&other);
    for_encryption["use"] = json!("enc");
    let world = World::new().await;
    for (keys, decided) in [
        (json!([jwk(&another_type), jwk(&ours)]), true),
        (json!([for_encryption, jwk(&ours)]), true),
        (json!([jwk(&other), jwk(&ours)]), false),
    ] {
        let set = json!({ "keys": keys }).to_string();
        world.server.set("/keys", Answer::ok(set));
        let verifier = Verifier::builder()
            .any_audience()
            .jwks_url(world.server.url("/keys"))
            .algorithms([Algorithm::ES256])
            .clock(world.clock.clone());
        let verifier = verifier.build().unwrap();
        let servers = serve(Authenticator::builder().verifier(verifier)).await;
        match decided {
            true => accepts(&servers, &token(&ours)).await,
            false => refuses(&servers, &token(&ours), 401, INVALID).await,
        }
    }
}

#[tokio::test]
async fn line_22_a_refresh_replaces_and_a_failed_one_clears_nothing() {
    let world = World::new().await;
    let servers = guarded(&world).await;
    let (old, new) = (token(&world.key), key("k2"));
    accepts(&servers, &old).await;
    world.server.set("/keys", Answer::ok(set_of(&[&new])));
    accepts(&servers, &token(&new)).await;
    refuses(&servers, &old, 401, INVALID).await;

    // The keys that are known serve on, and nobody hears of the failure.
    world.server.set("/keys", Answer::status(500));
    world.clock.advance(Duration::from_secs(9 * 60));
    let hits = world.server.hits();
    accepts(&servers, &token(&new)).await;
    until("a refresh", || world.server.hits() > hits).await;
    accepts(&servers, &token(&new)).await;
}

#[tokio::test]
async fn line_22_random_kids_are_rate_limited() {
    let world = World::new().await;
    let servers = guarded(&world).await;
    accepts(&servers, &token(&world.key)).await;
    for number in 0..50 {
        let header = json!({"alg": "ES256", "kid": format!("invented {number}")});
        let payload = claims().to_string();
        let invented = mint_with_header(&world.key, &header, payload.as_bytes()).unwrap();
        refuses(&servers, &invented, 401, INVALID).await;
    }
    assert_eq!(world.server.hits(), 2, "one fetch, and one for all kids");
    accepts(&servers, &token(&world.key)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn line_23_whatever_the_issuer_answers() {
    let elsewhere = issuer::Server::start().await;
    let good = set_of(&[&key("k1")]);
    for (why, answer) in [
        ("a redirect", Answer::status(302).with("location", elsewhere.url("/keys"))),
        ("100 MB", Answer::Huge),
        ("a gzip bomb", Answer::ok([0x1f, 0x8b, 8, 0]).with("content-encoding", "gzip")),
        ("HTML", Answer::ok("<!doctype html>")),
        ("truncated JSON", Answer::ok(&good.as_bytes()[..40])),
        ("an empty set", Answer::ok(r#"{"keys":[]}"#)),
        ("429", Answer::status(429).with("retry-after", "86400")),
        ("500", Answer::status(500)),
        ("one byte per second", Answer::Drip(good.clone().into())),
        ("no answer", Answer::Hang),
    ] {
        let world = World::with(|keys| keys.timeout(Duration::from_millis(300))).await;
        let servers = guarded(&world).await;
        world.server.set("/keys", answer);
        unavailable(&servers, &token(&world.key), why).await;
        let sound = Answer::ok(set_of(&[&world.key]));
        world.server.set("/keys", sound);
        world.clock.advance(Duration::from_secs(1));
        accepts(&servers, &token(&world.key)).await;
    }
    assert_eq!(elsewhere.hits(), 0);
}

#[test]
fn line_23_urls_that_are_no_place_for_keys() {
    for url in ["http://issuer.example/keys", "file:///etc/passwd", "data:application/json,{}"] {
        let verifier =
            Verifier::builder().any_audience().jwks_url(url).algorithms([Algorithm::ES256]);
        let error = verifier.build().unwrap_err();
        assert_eq!(error.kind(), jamguard::ErrorKind::Configuration, "{url}");
    }
}

#[tokio::test]
async fn line_24_the_url_is_never_built_from_the_token() {
    let world = World::new().await;
    let elsewhere = issuer::Server::start().await;
    let servers = guarded(&world).await;
    accepts(&servers, &token(&world.key)).await;
    let stranger = key("../k2");
    elsewhere.set("/keys", Answer::ok(set_of(&[&stranger])));
    let mut payload = claims();
    for issuer in [elsewhere.url(""), elsewhere.url("/keys"), "../keys".into()] {
        payload["iss"] = json!(issuer);
        for kid in ["../k2", "/keys", &elsewhere.url("/keys")] {
            let header = json!({"alg": "ES256", "kid": kid, "jku": elsewhere.url("/keys")});
            let text = payload.to_string();
            let token = mint_with_header(&stranger, &header, text.as_bytes()).unwrap();
            refuses(&servers, &token, 401, INVALID).await;
        }
    }
    // The right issuer, so that keys are asked for.
    let header = json!({"alg": "ES256", "kid": "../k2", "jku": elsewhere.url("/keys")});
    let text = claims().to_string();
    let token = mint_with_header(&stranger, &header, text.as_bytes()).unwrap();
    refuses(&servers, &token, 401, INVALID).await;
    assert_eq!(elsewhere.hits(), 0);
    let seen = world.server.seen();
    assert!(seen.iter().all(|line| line == "GET /keys HTTP/1.1"), "{seen:?}");
}
