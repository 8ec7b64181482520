//! Which keys of a set serve, and what becomes of them at a refresh.

use crate::support::issuer::*;
use jamguard::ErrorKind::UnknownKey;
use jamguard::jose::{Algorithm, SigningKey, VerifyingKey};
use jamguard::testing::{mint, mint_with_header};
use jamguard::{ErrorKind, Verifier};
use serde_json::{Value, json};

fn with(key: &SigningKey, name: &str, value: Value) -> Value {
    let mut jwk = jwk(key);
    jwk[name] = value;
    jwk
}

#[tokio::test]
async fn line_20_keys_that_are_not_public_signature_keys_are_skipped() {
    let world = World::new().await;
    let secret = json!("c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA");
    let key = key("theirs");
    let spoilt = [
        ("unknown kty", with(&key, "kty", json!("XYZ"))),
        ("no kty", with(&key, "kty", Value::Null)),
        ("unknown crv", with(&key, "crv", json!("secp256k1"))),
        ("use enc", with(&key, "use", json!("enc"))),
        ("key_ops sign", with(&key, "key_ops", json!(["sign"]))),
        ("key_ops of enc", with(&key, "key_ops", json!(["deriveKey"]))),
        ("another alg", with(&key, "alg", json!("RS256"))),
        ("private", with(&key, "d", jwk(&key)["x"].clone())),
        ("private, p", with(&key, "p", jwk(&key)["x"].clone())),
        ("with a secret", with(&key, "k", secret.clone())),
        ("x of 3 bytes", with(&key, "x", json!("AAAA"))),
        ("off the curve", with(&key, "x", jwk(&key)["y"].clone())),
        ("oct", json!({"kty": "oct", "kid": "theirs", "alg": "HS256", "k": secret})),
        ("a string", json!("theirs")),
        ("null", Value::Null),
        ("an array", json!([jwk(&key)])),
    ];
    for (what, spoilt) in spoilt {
        // First in the set: what breaks there must not stop the rest.
        let set = json!({"keys": [spoilt, jwk(&world.key)]});
        world.server.set("/keys", Answer::ok(set.to_string()));
        let verifier = Verifier::builder()
            .any_audience()
            .jwks_url(world.server.url("/keys"))
            .algorithms([Algorithm::ES256])
            .clock(world.clock.clone())
            .build()
            .unwrap();
        let sound = token(&world.key);
        assert_eq!(verify(&verifier, &sound).await, Ok(()), "beside: {what}");
        let theirs = verify(&verifier, &token(&key)).await;
        assert_eq!(theirs, Err(UnknownKey), "{what}");
    }
    // The very key serves without the flaw.
    let both = set_of(&[&key, &world.key]);
    world.server.set("/keys", Answer::ok(both));
    assert_eq!(world.verify(&key).await, Ok(()));
}

#[tokio::test]
async fn line_20_a_set_without_any_usable_key_is_a_failed_fetch() {
    let world = World::new().await;
    let private = with(&world.key, "d", jwk(&world.key)["x"].clone());
    let set = json!({ "keys": [private] }).to_string();
    world.server.set("/keys", Answer::ok(set));
    let refused = world.verify(&world.key).await;
    assert_eq!(refused, Err(ErrorKind::Unavailable));
}

/// The issuer answers: what is wrong is in the document, and only its words help.
#[tokio::test]
async fn a_set_without_any_usable_key_says_why_for_each_key() {
    let world = World::new().await;
    let private = with(&world.key, "d", jwk(&world.key)["x"].clone());
    let enc = with(&key("enc"), "use", json!("enc"));
    let set = json!({ "keys": [private, enc] }).to_string();
    world.server.set("/keys", Answer::ok(set));
    // The second is refused by the back-off.
    for _ in 0..2 {
        let refused = world.verifier.verify(&token(&world.key)).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        for reason in [
            &world.server.url("/keys")[..],
            "key \"k1\": a published set must not hold private or symmetric keys",
            "key \"enc\": the JWK's use is not sig",
        ] {
            assert!(refused.message().contains(reason), "{refused}");
        }
        let fetched = !refused.message().contains("could not be fetched");
        assert!(fetched, "{refused}");
    }
    assert_eq!(world.server.hits(), 1);
}

#[tokio::test]
async fn a_set_with_one_key_twice_and_null_members_serves() {
    let world = World::new().await;
    let dressed = with(&world.key, "d", Value::Null);
    let set = json!({ "keys": [dressed, jwk(&world.key), jwk(&world.key)] }).to_string();
    world.server.set("/keys", Answer::ok(set));
    assert_eq!(world.verify(&world.key).await, Ok(()));
}

#[tokio::test]
async fn line_21_a_duplicate_kid_is_decided_by_type_alg_and_use() {
    let world = World::new().await;
    let named = |algorithm| {
        let key = SigningKey::generate(algorithm).unwrap();
        key.with_key_id("twice")
    };
    let (p256, other, p384) =
        (named(Algorithm::ES256), named(Algorithm::ES256), named(Algorithm::ES384));
    let verifier = async |set: Value| {
        let set = json!({ "keys": set }).to_string();
        world.server.set("/keys", Answer::ok(set));
        let verifier = Verifier::builder()
            .any_audience()
            .jwks_url(world.server.url("/keys"))
            .algorithms([Algorithm::ES256, Algorithm::ES384])
            .clock(world.clock.clone())
            .build()
            .unwrap();
        let answers =
            [verify(&verifier, &token(&p256)).await, verify(&verifier, &token(&p384)).await];
        (verifier, answers)
    };
    let (_, answers) = verifier(json!([jwk(&p384), jwk(&p256)])).await;
    assert_eq!(answers, [Ok(()), Ok(())], "another type");
    let enc = with(&other, "use", json!("enc"));
    let (_, answers) = verifier(json!([enc, jwk(&p256), jwk(&p384)])).await;
    assert_eq!(answers, [Ok(()), Ok(())], "another use");

    let (ambiguous, answers) = verifier(json!([jwk(&other), jwk(&p256), jwk(&p384)])).await;
    assert_eq!(answers, [Err(UnknownKey), Ok(())], "the same in all");
    let hits = world.server.hits();
    let again = verify(&ambiguous, &token(&p256)).await;
    assert_eq!(again, Err(UnknownKey));
    assert_eq!(world.server.hits(), hits, "no newer set is asked for");
}

#[tokio::test]
async fn line_22_a_refresh_replaces_and_never_merges() {
    let world = World::new().await;
    let new = key("k2");
    assert_eq!(world.verify(&world.key).await, Ok(()));
    world.server.set("/keys", Answer::ok(set_of(&[&new])));
    assert_eq!(world.verify(&new).await, Ok(()), "fetched for its kid");
    assert_eq!(world.verify(&world.key).await, Err(UnknownKey));
    assert_eq!(world.server.hits(), 2);
}

#[tokio::test]
async fn line_22_the_same_kid_with_another_key_is_another_key() {
    let world = World::new().await;
    let cached = token(&world.key);
    assert_eq!(verify(&world.verifier, &cached).await, Ok(()));
    let (new, trigger) = (key("k1"), key("k2"));
    let set = set_of(&[&new, &trigger]);
    world.server.set("/keys", Answer::ok(set));
    assert_eq!(world.verify(&trigger).await, Ok(()));
    assert_eq!(world.verify(&new).await, Ok(()));
    let old = verify(&world.verifier, &cached).await;
    assert_eq!(old, Err(ErrorKind::BadSignature));
}

/// As long as the old set, and each of its keys is in the old set: still another set.
#[tokio::test]
async fn line_22_a_key_that_takes_a_duplicates_place_is_noticed() {
    let world = World::new().await;
    let twin = jwk(&world.key);
    let new = key("k2");
    let set = |keys: Value| Answer::ok(json!({ "keys": keys }).to_string());
    world.server.set("/keys", set(json!([twin, twin])));
    assert_eq!(world.verify(&world.key).await, Ok(()), "one key, listed twice");
    world.server.set("/keys", set(json!([twin, jwk(&new)])));
    assert_eq!(world.verify(&new).await, Ok(()));
}

#[tokio::test]
async fn line_22_a_failed_refresh_never_clears() {
    let world = World::new().await;
    let cached = token(&world.key);
    assert_eq!(verify(&world.verifier, &cached).await, Ok(()));
    for bad in [Answer::status(500), Answer::ok(r#"{"keys":[]}"#)] {
        world.server.set("/keys", bad);
        world.clock.advance(11 * MINUTE);
        let hits = world.server.hits();
        assert_eq!(at_once(verify(&world.verifier, &cached)), Some(Ok(())));
        until("a refresh", || world.server.hits() > hits).await;
        // Waits for that refresh, which fails.
        assert_eq!(world.verify(&key("k2")).await, Err(ErrorKind::Unavailable));
        let (fresh, answer) = (token(&world.key), at_once(verify(&world.verifier, &cached)));
        assert_eq!(answer, Some(Ok(())), "cached");
        assert_eq!(at_once(verify(&world.verifier, &fresh)), Some(Ok(())));
    }
    world.server.set("/keys", Answer::ok(set_of(&[&key("k2")])));
    world.clock.advance(MINUTE);
    let _ = at_once(verify(&world.verifier, &cached));
    until("the set that lacks the key", || {
        at_once(verify(&world.verifier, &cached)) != Some(Ok(()))
    })
    .await;
}

#[tokio::test]
async fn line_22_random_kids_cause_one_fetch_in_a_cooldown() {
    let world = World::new().await;
    assert_eq!(world.verify(&world.key).await, Ok(()));
    let stranger = key("0");
    for (second, fetches) in [(0, 2), (1, 2), (29, 2), (30, 3), (59, 3), (60, 4)] {
        world.clock.set_wall(NOW);
        let elapsed = std::time::Duration::from_secs(second) - since(&world);
        world.clock.advance(elapsed);
        for n in 0..100 {
            let header = json!({"alg": "ES256", "kid": format!("{second}-{n}")});
            let claims = claims().to_string();
            let token = mint_with_header(&stranger, &header, claims.as_bytes()).unwrap();
            let refused = verify(&world.verifier, &token).await;
            assert_eq!(refused, Err(UnknownKey), "{second} s");
        }
        assert_eq!(world.server.hits(), fetches, "{second} s");
    }
    assert_eq!(world.verify(&world.key).await, Ok(()));
}

/// The clock began at zero.
fn since(world: &World) -> std::time::Duration {
    jamguard::Clock::monotonic(&world.clock)
}

#[tokio::test]
async fn line_18_a_cached_token_ends_with_its_key() {
    for by_kid in [false, true] {
        let world = World::new().await;
        let (old, new) = (token(&world.key), key("k2"));
        assert_eq!(verify(&world.verifier, &old).await, Ok(()));
        assert_eq!(at_once(verify(&world.verifier, &old)), Some(Ok(())));
        // Twice: the second answer comes from this thread's own memory.
        assert_eq!(at_once(verify(&world.verifier, &old)), Some(Ok(())));
        assert!(world.verifier.cache_stats().hits >= 2);
        let set = Answer::ok(set_of(&[&new]));
        world.server.set("/keys", set);
        if by_kid {
            assert_eq!(world.verify(&new).await, Ok(()));
        } else {
            world.clock.advance(9 * MINUTE);
            assert_eq!(at_once(verify(&world.verifier, &old)), Some(Ok(())));
            until("the refresh in the background", || {
                at_once(verify(&world.verifier, &token(&new))) == Some(Ok(()))
            })
            .await;
        }
        let elsewhere = world.verifier.clone();
        let token = old.clone();
        // Without a runtime it cannot ask for newer keys, and answers at once.
        let there = std::thread::spawn(move || at_once(verify(&elsewhere, &token)));
        assert_eq!(there.join().unwrap(), Some(Err(UnknownKey)));
        for _ in 0..3 {
            let here = verify(&world.verifier, &old).await;
            assert_eq!(here, Err(UnknownKey), "by kid: {by_kid}");
        }
        // A key that comes back serves again.
        let set = Answer::ok(set_of(&[&new, &world.key]));
        world.server.set("/keys", set);
        world.clock.advance(MINUTE);
        assert_eq!(verify(&world.verifier, &old).await, Ok(()));
    }
}

/// A request that waited for keys, and looks at them only after the next refresh.
#[tokio::test]
async fn line_18_a_late_waiter_does_not_bring_a_removed_key_back() {
    let world = World::new().await;
    let (old, new) = (token(&world.key), key("k2"));
    let mut late = Box::pin(verify(&world.verifier, &old));
    assert_eq!(at_once(&mut late), None, "it waits");
    world.keys.load().await.unwrap();
    world.server.set("/keys", Answer::ok(set_of(&[&new])));
    assert_eq!(world.verify(&new).await, Ok(()));
    assert_eq!(late.await, Err(UnknownKey));
    assert_eq!(verify(&world.verifier, &old).await, Err(UnknownKey));
    assert_eq!(world.server.hits(), 2);
}

#[tokio::test]
async fn a_set_of_101_keys_is_refused_and_one_of_100_serves() {
    let world = World::new().await;
    let many = |count: usize| {
        let others = (1..count).map(|n| with(&world.key, "kid", json!(format!("other{n}"))));
        let keys: Vec<Value> = others.chain([jwk(&world.key)]).collect();
        json!({ "keys": keys }).to_string()
    };
    world.server.set("/keys", Answer::ok(many(101)));
    let refused = world.verify(&world.key).await;
    assert_eq!(refused, Err(ErrorKind::Unavailable));
    world.server.set("/keys", Answer::ok(many(100)));
    world.clock.advance(MINUTE);
    assert_eq!(world.verify(&world.key).await, Ok(()));
}

/// A published secret is nobody's: not even where a token names it.
#[tokio::test]
async fn a_published_secret_never_verifies() {
    let world = World::new().await;
    let secret = b"at least thirty-two bytes of secret";
    let set = json!({"keys": [jwk(&world.key), {
        "kty": "oct", "kid": "s", "alg": "HS256",
        "k": "YXQgbGVhc3QgdGhpcnR5LXR3byBieXRlcyBvZiBzZWNyZXQ",
    }]});
    world.server.set("/keys", Answer::ok(set.to_string()));
    let signing = SigningKey::from_secret(Algorithm::HS256, secret).unwrap();
    let token = mint(&signing.with_key_id("s"), &claims()).unwrap();
    let refused = verify(&world.verifier, &token).await;
    assert_eq!(refused, Err(ErrorKind::UnsupportedAlgorithm));
    let error = Verifier::builder()
        .any_audience()
        .jwks_url(world.server.url("/keys"))
        .algorithms([Algorithm::HS256])
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    // Sound where the secret is given by hand.
    let by_hand = Verifier::builder()
        .any_audience()
        .key(VerifyingKey::from_secret(Algorithm::HS256, secret).unwrap())
        .algorithms([Algorithm::HS256])
        .clock(world.clock.clone())
        .build()
        .unwrap();
    assert_eq!(verify(&by_hand, &token).await, Ok(()));
    assert_eq!(world.verify(&world.key).await, Ok(()));
}
