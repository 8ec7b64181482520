//! ID tokens are verified by a `Verifier`, with nonce where the provider is OIDC (OpenID Connect
//! Core 1.0 section 3.1.3.7).

use crate::login::site::*;
use crate::support::issuer::Answer;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::oauth2::{OAuth2Client, Provider};
use jamguard::store::MemoryStore;
use jamguard::testing::mint;
use jamguard::{OAuth2Login, Verifier};
use serde_json::{Value, json};
use std::sync::Arc;

fn tokens_with(id_token: &Value) -> Answer {
    let tokens = json!({"access_token": "access-1", "token_type": "Bearer", "id_token": id_token});
    Answer::ok(tokens.to_string())
}

/// A login whose ID token has these claims in the place of sound ones.
async fn login(world: &World, change: impl FnOnce(&mut Value)) -> (u16, Browser) {
    let (mut browser, begun) = world.begin(world.servers.axum).await;
    let mut claims = world.idp.claims(begun.value("nonce"));
    change(&mut claims);
    if let Some(claims) = claims.as_object_mut() {
        claims.retain(|_, value| !value.is_null());
    }
    world.idp.gives(Some(&claims));
    let status = browser.callback(&begun.query(&world.idp)).await.status;
    (status, browser)
}

#[tokio::test]
async fn an_id_token_that_is_not_the_logins() {
    let world = World::new().await;
    let now = world.idp.now();
    let of_another_login = "a".repeat(43);
    for (name, value) in [
        ("nonce", json!(null)),
        ("nonce", json!("")),
        ("nonce", json!(of_another_login)),
        ("nonce", json!(7)),
        ("aud", json!("another")),
        ("aud", json!(["another", "third"])),
        ("aud", json!(null)),
        // For several, without a word who it was given to.
        ("aud", json!(["web", "another"])),
        ("azp", json!("another")),
        ("azp", json!(7)),
        ("iss", json!("https://evil.example")),
        ("iss", json!(format!("{}/", world.idp.server.url("")))),
        ("iss", json!(null)),
        ("sub", json!(null)),
        ("exp", json!(now - 3600)),
        ("exp", json!(null)),
        ("iat", json!(null)),
        ("iat", json!(now + 3600)),
        ("nbf", json!(now + 3600)),
    ] {
        let (status, browser) = login(&world, |claims| claims[name] = value.clone()).await;
        assert_eq!(status, 401, "{name}: {value}");
        assert!(!browser.cookies.contains_key(SESSION), "{name}: {value}");
    }
    for (name, value) in [("azp", json!("web")), ("aud", json!(["web"])), ("email", json!(null))] {
        let (status, _) = login(&world, |claims| claims[name] = value.clone()).await;
        assert_eq!(status, 303, "{name}: {value}");
    }
    let several = |claims: &mut Value| {
        claims["aud"] = json!(["web", "another"]);
        claims["azp"] = json!("web");
    };
    assert_eq!(login(&world, several).await.0, 303);
}

#[tokio::test]
async fn an_id_token_that_the_provider_did_not_sign() {
    let world = World::new().await;
    let other = SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("k1");
    let shared =
        SigningKey::from_secret(Algorithm::HS256, b"a secret of the site's, and long enough");
    for (what, key) in
        [("another key", Some(&other)), ("HS256", shared.as_ref().ok()), ("none", None)]
    {
        let (mut browser, begun) = world.begin(world.servers.axum).await;
        let claims = world.idp.claims(begun.value("nonce"));
        let token = match key {
            Some(key) => mint(key, &claims).unwrap(),
            None => {
                let sound = mint(&world.idp.key, &claims).unwrap();
                let payload = sound.split('.').nth(1).unwrap();
                format!("eyJhbGciOiJub25lIn0.{payload}.")
            }
        };
        world.idp.answers(tokens_with(&json!(token)));
        let answer = browser.callback(&begun.query(&world.idp)).await;
        assert_eq!(answer.status, 401, "{what}");
        assert!(!browser.cookies.contains_key(SESSION), "{what}");
    }
    // None at all, where one was asked for.
    let (mut browser, begun) = world.begin(world.servers.axum).await;
    world.idp.answers(tokens_with(&json!(null)));
    assert_eq!(browser.callback(&begun.query(&world.idp)).await.status, 502);
    assert!(!browser.cookies.contains_key(SESSION));
}

/// A sound ID token of another login of the same client, which an attacker put into the answer.
#[tokio::test]
async fn an_id_token_of_another_login() {
    let world = World::new().await;
    let (mut victim, theirs) = world.begin(world.servers.axum).await;
    let stolen = mint(&world.idp.key, &world.idp.claims(theirs.value("nonce"))).unwrap();
    let (mut attacker, begun) = world.begin(world.servers.axum).await;
    world.idp.answers(tokens_with(&json!(stolen)));
    assert_eq!(attacker.callback(&begun.query(&world.idp)).await.status, 401);
    assert_eq!(victim.callback(&theirs.query(&world.idp)).await.status, 303);
}

/// A verifier of one's own may ask for less than is needed: the rest is asked all the same.
#[tokio::test]
async fn a_verifier_that_asks_for_too_little() {
    let idp = Idp::start().await;
    let client = idp.client();
    let auth = authenticator(&idp, Arc::new(MemoryStore::new()));
    let lax = Verifier::builder()
        .any_audience()
        .key(idp.key.verifying_key().unwrap())
        .algorithms([Algorithm::ES256])
        .clock(idp.clock.clone())
        .build()
        .unwrap();
    let login = OAuth2Login::builder(&auth, client.clone()).id_token(lax);
    let servers = serve(&auth, &login.build().unwrap(), &client).await;
    for (name, value, expected) in [
        ("iss", json!("https://evil.example"), 401),
        ("aud", json!("another"), 401),
        ("nonce", json!("another"), 401),
        ("aud", json!("web"), 303),
    ] {
        let mut browser = Browser::new(servers.axum);
        let begun = browser.begin("").await;
        let mut claims = idp.claims(begun.value("nonce"));
        claims[name] = value;
        idp.gives(Some(&claims));
        let answer = browser.callback(&begun.query(&idp)).await;
        assert_eq!(answer.status, expected, "{name}");
    }
}

/// The provider is declared to verify every address: its ID tokens need not say so, and the session
/// does.
#[tokio::test]
async fn a_provider_that_verifies_every_address() {
    let idp = Idp::start().await;
    let client = idp.client();
    let auth = authenticator(&idp, Arc::new(MemoryStore::new()));
    let verifier =
        client.id_token_verifier().unwrap().algorithms([Algorithm::ES256]).issuer_verifies_emails();
    let login = OAuth2Login::builder(&auth, client.clone()).id_token(verifier.build().unwrap());
    let servers = serve(&auth, &login.build().unwrap(), &client).await;
    for (said, shown) in [(None, true), (Some(true), true), (Some(false), false)] {
        let mut browser = Browser::new(servers.axum);
        let begun = browser.begin("").await;
        let mut claims = idp.claims(begun.value("nonce"));
        claims.as_object_mut().unwrap().remove("email_verified");
        if let Some(said) = said {
            claims["email_verified"] = said.into();
        }
        idp.gives(Some(&claims));
        assert_eq!(browser.callback(&begun.query(&idp)).await.status, 303);
        let claims: Value = browser.get("/me").await.json();
        assert_eq!(claims.get("email").is_some(), shown, "{said:?}");
        assert_eq!(claims["email_verified"], shown, "{said:?}");
    }
}

/// The keys cannot be had: nobody knows, so nobody is logged in, and nobody is refused for good.
#[tokio::test]
async fn keys_that_cannot_be_fetched() {
    let world = World::new().await;
    world.idp.server.set("/keys", Answer::status(500));
    let (status, browser) = login(&world, |_| {}).await;
    assert_eq!(status, 503);
    assert!(!browser.cookies.contains_key(SESSION));
}

/// Without a verifier of one's own, ID tokens are signed as the provider announces; a login ends in
/// a session then.
#[tokio::test]
async fn id_tokens_of_the_algorithm_that_the_provider_announces() {
    const SECRET: &str = "a secret of the site's that is as long as the longest hash, 64 bytes";
    let shared = SigningKey::from_secret(Algorithm::HS512, SECRET.as_bytes()).unwrap();
    let ed25519 = SigningKey::generate(Algorithm::EdDSA).unwrap();
    for (announced, key) in [("EdDSA", ed25519.with_key_id("ed")), ("HS512", shared)] {
        let idp = Idp::start().await;
        let public = key.verifying_key().unwrap();
        let keys = json!({"keys": [crate::support::issuer::jwk(&idp.key), public.to_jwk().map(|jwk| {
            serde_json::from_str::<Value>(&jwk.to_json()).unwrap()
        })]});
        idp.server.set("/keys", Answer::ok(keys.to_string()));
        let document = json!({
            "issuer": idp.server.url(""),
            "authorization_endpoint": idp.server.url("/authorize"),
            "token_endpoint": idp.server.url("/token"),
            "jwks_uri": idp.server.url("/keys"),
            "id_token_signing_alg_values_supported": [announced],
            "authorization_response_iss_parameter_supported": true,
        });
        let place = "/.well-known/openid-configuration";
        idp.server.set(place, Answer::ok(document.to_string()));
        let client = idp.client_with(|client| client.secret(SECRET));
        let auth = authenticator(&idp, Arc::new(MemoryStore::new()));
        let login = OAuth2Login::builder(&auth, client.clone()).build().unwrap();
        let servers = serve(&auth, &login, &client).await;
        for (signing, status) in [(&key, 303), (&idp.key, 401)] {
            for (_, address) in servers.each() {
                let mut browser = Browser::new(address);
                let begun = browser.begin("").await;
                let token = mint(signing, &idp.claims(begun.value("nonce"))).unwrap();
                idp.answers(tokens_with(&json!(token)));
                let answer = browser.callback(&begun.query(&idp)).await;
                assert_eq!(answer.status, status, "{announced}: {}", answer.text());
                assert_eq!(browser.cookies.contains_key(SESSION), status == 303);
            }
        }
    }
}

/// Google documents its issuer with and without `https://`, and means one by both.
#[tokio::test]
async fn googles_id_tokens_may_lack_the_issuers_scheme() {
    let idp = Idp::start().await;
    let google = "https://accounts.google.com";
    let url = |path: &str| idp.server.url(path);
    let provider = Provider::new("google", url("/authorize"), url("/token")).issuer(google).oidc();
    let client = OAuth2Client::builder(provider, "web")
        .redirect_url("https://app.example/callback")
        .scopes(["openid"])
        .clock(idp.clock.clone())
        .build()
        .unwrap();
    let verifier = Verifier::builder()
        .key(idp.key.verifying_key().unwrap())
        .algorithms([Algorithm::ES256])
        .issuer(google)
        .audience("web")
        .clock(idp.clock.clone())
        .build()
        .unwrap();
    let auth = authenticator(&idp, Arc::new(MemoryStore::new()));
    let login = OAuth2Login::builder(&auth, client.clone()).id_token(verifier);
    let servers = serve(&auth, &login.build().unwrap(), &client).await;
    for (issuer, status) in
        [(google, 303), ("accounts.google.com", 303), ("accounts.google.com.evil.example", 401)]
    {
        let mut browser = Browser::new(servers.axum);
        let begun = browser.begin("").await;
        let mut claims = idp.claims(begun.value("nonce"));
        claims["iss"] = json!(issuer);
        idp.gives(Some(&claims));
        let query = format!("code={CODE}&state={}", begun.state());
        assert_eq!(browser.callback(&query).await.status, status, "{issuer}");
        // The same user by either.
        if status == 303 {
            assert_eq!(browser.user().await, "Some(\"google:1102\") 0");
        }
    }
}
