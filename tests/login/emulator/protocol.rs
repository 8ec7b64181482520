//! JAM's REST operations and its ID token.

use crate::emulator::world::*;
use jamguard::emulator::{AppSettings, IdToken};
use jamguard::jose::{Algorithm, Jwk, KeySet, SigningKey};
use jamguard::testing;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test]
async fn an_id_token_is_as_the_contract_says_and_no_more() {
    let world = World::new().await;
    let token = world.id_token();
    let set: Value = serde_json::from_str(&world.app.jwks_json()).unwrap();
    let kid = &set["keys"][0]["kid"];
    assert_eq!(part(&token, 0), json!({"alg": "ES512", "typ": "JWT", "kid": kid}));
    assert_eq!(
        part(&token, 1),
        json!({
            "iss": format!("{}/{APP}", world.emulator.base_url()),
            "aud": APP,
            "token_use": "id",
            "email": ANN,
            "iat": NOW,
            "nbf": NOW,
            "exp": NOW + 3600,
        })
    );
    world.verifier().verify(&token).await.unwrap();
}

#[tokio::test]
async fn the_key_set_holds_public_p521_keys_named_by_their_thumbprints() {
    let world = World::new().await;
    let answer = world.get(".well-known/jwks.json").await;
    assert!(!answer.headers().contains_key("cache-control"));
    assert_eq!(answer.headers()["content-type"], "application/json");
    let set = json_of(answer).await;
    let keys = set["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 1);
    let names: BTreeSet<&str> = keys[0].as_object().unwrap().keys().map(|k| &**k).collect();
    assert_eq!(names, BTreeSet::from(["crv", "kid", "kty", "x", "y"]));
    assert_eq!((&keys[0]["kty"], &keys[0]["crv"]), (&json!("EC"), &json!("P-521")));
    let jwk = Jwk::from_json(&keys[0].to_string()).unwrap();
    assert_eq!(keys[0]["kid"], jwk.thumbprint().unwrap());

    world.app.set_jwks_max_age(Some(Duration::from_secs(300)));
    let answer = world.get(".well-known/jwks.json").await;
    assert_eq!(answer.headers()["cache-control"], "max-age=300");
}

#[tokio::test]
async fn authenticate_wants_an_address() {
    let world = World::new().await;
    for body in [
        json!({}),
        json!([]),
        json!({"email": null}),
        json!({"email": 1}),
        json!({"email": ""}),
        json!({"email": "ann"}),
        json!({"email": "@example.com"}),
        json!({"email": "ann@"}),
        json!({"email": "ann@b@example.com"}),
        json!({"email": "ann @example.com"}),
        json!({"email": "ann@example.com\r\nBcc: all@example.com"}),
        json!({"email": "<ann@example.com>"}),
        json!({"email": format!("{}@example.com", "a".repeat(300))}),
    ] {
        assert_refused(world.post("authenticate", &body).await, 400).await;
    }
    assert!(world.emulator.mails().is_empty());
    world.mailed("änn+jam@exämple.com").await;
}

#[tokio::test]
async fn bodies_that_are_no_json_or_too_long_are_bad_requests() {
    let world = World::new().await;
    for path in ["authenticate", "verify", "refresh"] {
        for body in ["", "{", "null", "email=ann@example.com", "{\"email\":\"a@b\"} x"] {
            assert_refused(world.post_text(path, body).await, 400).await;
        }
        assert_refused(world.post_text(path, vec![0xff; 10]).await, 400).await;
        let long = format!("{{\"email\":\"a@b\",\"x\":\"{}\"}}", "x".repeat(65 * 1024));
        assert_refused(world.post_text(path, long).await, 400).await;
    }
}

#[tokio::test]
async fn an_unknown_app_is_not_found_whatever_is_asked() {
    let world = World::new().await;
    let token = world.id_token();
    for (method, path) in [
        (Method::POST, "authenticate"),
        (Method::GET, ".well-known/jwks.json"),
        (Method::POST, "verify"),
        (Method::POST, "refresh"),
        (Method::DELETE, "user/refresh/abc"),
        (Method::DELETE, "user/refresh"),
        (Method::DELETE, "refresh/abc"),
        (Method::DELETE, "refresh"),
        (Method::GET, "magic?code=abc"),
    ] {
        for app in [OTHER_APP, "%2e", "%00", "%ff"] {
            let url = format!("{}/{app}/{path}", world.emulator.base_url());
            let request = world.http.request(method.clone(), url).bearer_auth(&token);
            assert_refused(request.send().await.unwrap(), 404).await;
        }
    }
    assert_refused(world.get("nothing/here").await, 404).await;
    assert_refused(world.get("authenticate").await, 405).await;
}

#[tokio::test]
async fn verify_answers_header_and_claims_of_a_good_token() {
    let world = World::new().await;
    let token = world.id_token();
    let body = json_of(world.verify(&token).await).await;
    assert_eq!(body, json!({"header": part(&token, 0), "claims": part(&token, 1)}));
}

#[tokio::test]
async fn verify_really_verifies() {
    let world = World::new().await;
    let other = world.emulator.add_app(AppSettings::new(OTHER_APP)).unwrap();
    let issue = |token| world.app.issue(token).unwrap();
    let good = world.id_token();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let stranger = SigningKey::generate(Algorithm::ES512)
        .unwrap()
        .with_key_id(part(&good, 0)["kid"].as_str().unwrap());
    for (case, token) in [
        ("no token", String::new()),
        ("garbage", "a.b.c".to_owned()),
        ("changed signature", format!("{signed}.{first}{}", &signature[1..])),
        ("no signature", format!("{signed}.")),
        ("another key", testing::mint(&stranger, &part(&good, 1)).unwrap()),
        ("another app", other.id_token(ANN).unwrap()),
        ("token_use", issue(IdToken::new(ANN).claim("token_use", "access"))),
        ("no token_use", issue(IdToken::new(ANN).without_claim("token_use"))),
        ("issuer", issue(IdToken::new(ANN).claim("iss", "https://api.justauthenticate.me"))),
        ("audience", issue(IdToken::new(ANN).claim("aud", OTHER_APP))),
        ("no email", issue(IdToken::new(ANN).without_claim("email"))),
        ("no exp", issue(IdToken::new(ANN).without_claim("exp"))),
        ("no iat", issue(IdToken::new(ANN).without_claim("iat"))),
        ("future", issue(IdToken::new(ANN).claim("nbf", NOW + 1))),
        ("no life", issue(IdToken::new(ANN).lifetime(Duration::ZERO))),
        ("no kid", issue(IdToken::new(ANN).without_header("kid"))),
        ("typ", issue(IdToken::new(ANN).header("typ", "at+jwt"))),
        ("alg", issue(IdToken::new(ANN).header("alg", "none"))),
    ] {
        let answer = world.verify(&token).await;
        assert_eq!(answer.status(), 401, "{case}");
        assert_refused(answer, 401).await;
    }
    assert_refused(world.post("verify", &json!({"idToken": 1})).await, 400).await;

    world.clock.advance(Duration::from_secs(3599));
    json_of(world.verify(&good).await).await;
    world.clock.advance(Duration::from_secs(1));
    assert_refused(world.verify(&good).await, 401).await;
}

#[tokio::test]
async fn refresh_gives_an_id_token_until_the_refresh_token_expires() {
    let world = World::new().await;
    world.app.set_refresh_token_lifetime(Duration::from_secs(7200));
    let refresh_token = world.refresh_token(ANN);
    world.clock.advance(Duration::from_secs(7199));
    let body = json_of(world.refresh(&refresh_token).await).await;
    let id_token = body["idToken"].as_str().unwrap();
    assert_eq!(part(id_token, 1)["email"], ANN);
    assert_eq!(part(id_token, 1)["iat"], NOW + 7199);
    world.verifier().verify(id_token).await.unwrap();

    world.clock.advance(Duration::from_secs(1));
    assert_refused(world.refresh(&refresh_token).await, 401).await;
    assert_refused(world.refresh("no such token").await, 401).await;
    assert_refused(world.post("refresh", &json!({"refreshToken": []})).await, 400).await;
}

#[tokio::test]
async fn an_app_may_forbid_refresh() {
    let world = World::with(AppSettings::new(APP)).await;
    let refresh_token = world.refresh_token(ANN);
    assert_refused(world.refresh(&refresh_token).await, 400).await;
    let (_, query) = world.log_in(ANN).await;
    assert!(query.contains_key("idToken") && !query.contains_key("refreshToken"));
}

#[tokio::test]
async fn a_refresh_token_is_1024_random_bits_and_the_address() {
    use base64::Engine;
    let world = World::new().await;
    let tokens = [world.refresh_token(ANN), world.refresh_token(ANN)];
    assert_ne!(tokens[0], tokens[1]);
    for token in tokens {
        let bytes = base64::prelude::BASE64_STANDARD.decode(token).unwrap();
        assert_eq!(bytes.len(), 128 + ANN.len());
        assert!(bytes.ends_with(ANN.as_bytes()));
    }
}

/// Both forms of the two deletes: today's and that of older SDKs.
const DELETES: [&str; 2] = ["user/refresh", "refresh"];

#[tokio::test]
async fn one_refresh_token_is_deleted_by_its_owner_only() {
    let world = World::new().await;
    let (ann, ben) = (world.id_token(), world.app.id_token(BEN).unwrap());
    for path in DELETES {
        // Its address makes the base64 end in '='; the other two characters come by chance.
        let token = (0..1_000)
            .map(|_| world.refresh_token(ANN))
            .find(|token| "+/=".chars().all(|c| token.contains(c)))
            .unwrap();
        let kept = world.refresh_token(ANN);
        let one = format!("{path}/{}", encoded(&token));
        assert_refused(world.delete(&one, &ben).await, 404).await;
        json_of(world.refresh(&token).await).await;
        assert_eq!(world.delete(&one, &ann).await.status(), 204);
        assert_refused(world.refresh(&token).await, 401).await;
        assert_refused(world.delete(&one, &ann).await, 404).await;
        json_of(world.refresh(&kept).await).await;
        for unreadable in ["%ff", "%zz", "%2e%2e%2f"] {
            let one = format!("{path}/{unreadable}");
            assert_refused(world.delete(&one, &ann).await, 404).await;
        }
    }
}

#[tokio::test]
async fn all_refresh_tokens_of_one_user_are_deleted() {
    let world = World::new().await;
    for path in DELETES {
        let tokens = [world.refresh_token(ANN), world.refresh_token(ANN)];
        let bens = world.refresh_token(BEN);
        assert_eq!(world.delete(path, &world.id_token()).await.status(), 204);
        for token in tokens {
            assert_refused(world.refresh(&token).await, 401).await;
        }
        json_of(world.refresh(&bens).await).await;
        assert_eq!(world.delete(path, &world.id_token()).await.status(), 204);
    }
}

#[tokio::test]
async fn deletes_need_a_valid_id_token() {
    let world = World::new().await;
    let refresh_token = world.refresh_token(ANN);
    let access_token = IdToken::new(ANN).claim("token_use", "access");
    let access_token = world.app.issue(access_token).unwrap();
    for path in DELETES {
        for path in [path.to_owned(), format!("{path}/{}", encoded(&refresh_token))] {
            assert_refused(world.delete(&path, &access_token).await, 401).await;
            for header in [None, Some(String::new()), Some(format!("Basic {}", world.id_token()))] {
                let mut request = world.request(Method::DELETE, &path);
                if let Some(header) = header {
                    request = request.header("authorization", header);
                }
                assert_refused(request.send().await.unwrap(), 401).await;
            }
        }
    }
    json_of(world.refresh(&refresh_token).await).await;
}

#[tokio::test]
async fn the_published_set_verifies_what_the_app_signs() {
    let world = World::new().await;
    let answer = world.get(".well-known/jwks.json").await;
    let keys = KeySet::from_json(&answer.text().await.unwrap()).unwrap();
    let jws = jamguard::jose::Jws::verify(&world.id_token(), &keys, &[Algorithm::ES512]).unwrap();
    assert_eq!(jws.header().token_type(), Some("JWT"));
}
