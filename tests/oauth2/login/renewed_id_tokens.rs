//! What becomes of a session's ID token when its tokens are refreshed (OpenID Connect Core 1.0 section
//! 12.2).

use crate::login::site::*;
use crate::support::issuer::Answer;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::MemoryStore;
use jamguard::testing::mint;
use jamguard::{OAuth2Login, OAuth2User};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const DUE: Duration = Duration::from_secs(3540);
const MINUTE: Duration = Duration::from_secs(60);

/// Claims that an ID token of a refresh has now.
fn claims(idp: &Idp) -> Value {
    let mut claims = idp.claims(None);
    claims.as_object_mut().unwrap().remove("nonce");
    claims
}

fn refreshed(id_token: Option<&str>) -> Answer {
    let tokens = json!({
        "access_token": "access-2", "token_type": "Bearer", "expires_in": 3600,
        "refresh_token": "refresh-2", "id_token": id_token,
    });
    Answer::ok(tokens.to_string())
}

async fn get(browser: &Browser, target: &str) -> (u16, String) {
    let answer = browser.clone().get(target).await;
    (answer.status, answer.text().to_owned())
}

/// A session whose tokens are due, and the ID token that it holds.
async fn due(world: &World) -> (Browser, String) {
    let browser = world.logged_in(world.servers.axum).await;
    let (status, id_token) = get(&browser, "/id-token").await;
    assert_eq!((status, id_token.split('.').count()), (200, 3));
    world.idp.clock.advance(DUE);
    (browser, id_token)
}

fn is(text: &str) -> (u16, String) {
    (200, text.to_owned())
}

#[tokio::test]
async fn a_sound_one_takes_the_place_of_the_logins() {
    let world = World::new().await;
    let (browser, first) = due(&world).await;
    let second = mint(&world.idp.key, &claims(&world.idp)).unwrap();
    assert_ne!(first, second);
    world.idp.answers(refreshed(Some(&second)));
    assert_eq!(get(&browser, "/tokens").await, is("access-2"));
    assert_eq!(get(&browser, "/id-token").await, is(&second));
    assert_eq!(world.idp.asked(), 2);
}

#[tokio::test]
async fn without_one_the_logins_stays() {
    let world = World::new().await;
    let (browser, first) = due(&world).await;
    world.idp.answers(refreshed(None));
    assert_eq!(get(&browser, "/tokens").await, is("access-2"));
    assert_eq!(get(&browser, "/id-token").await, is(&first));
    assert_eq!(world.idp.asked(), 2);
}

/// The tokens that came with it may be another user's too: none of them is used.
#[tokio::test]
async fn one_that_is_not_the_logins_refuses_the_whole_answer() {
    let other = SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("k1");
    for (name, value) in [
        ("sub", json!("6502")),
        ("sub", json!(null)),
        ("iss", json!("https://evil.example")),
        ("aud", json!("another")),
        ("aud", json!(["web", "another"])),
        ("azp", json!("another")),
        ("nonce", json!("another")),
        // Made before the login's own.
        ("iat", json!(crate::support::issuer::NOW - 1)),
        ("iat", json!(null)),
        ("exp", json!(crate::support::issuer::NOW)),
        ("", json!("signed by another key")),
    ] {
        let world = World::new().await;
        let (browser, first) = due(&world).await;
        let mut claims = claims(&world.idp);
        let key = match name {
            "" => &other,
            name => {
                claims[name] = value.clone();
                &world.idp.key
            }
        };
        claims.as_object_mut().unwrap().retain(|_, v| !v.is_null());
        let wrong = mint(key, &claims).unwrap();
        world.idp.answers(refreshed(Some(&wrong)));
        let case = format!("{name}: {value}");
        assert_eq!(get(&browser, "/tokens").await, is("access-1"), "{case}");
        assert_eq!(get(&browser, "/id-token").await, is(&first), "{case}");
        world.idp.clock.advance(MINUTE);
        assert_eq!(get(&browser, "/tokens").await.0, 401, "{case}");
        assert!(world.idp.asked() >= 2, "{case}");
    }
}

/// Nobody knows whether it is sound: it is left out, and nobody loses a login by the outage.
#[tokio::test]
async fn while_the_keys_cannot_be_had_the_logins_stays() {
    let world = World::new().await;
    let (browser, first) = due(&world).await;
    let new = SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("k2");
    world.idp.server.set("/keys", Answer::status(500));
    let unknown = mint(&new, &claims(&world.idp)).unwrap();
    world.idp.answers(refreshed(Some(&unknown)));
    assert_eq!(get(&browser, "/tokens").await, is("access-2"));
    assert_eq!(get(&browser, "/id-token").await, is(&first));
}

/// A service that shares the sessions and has no such login has nothing to verify it by.
#[tokio::test]
async fn where_nobody_can_verify_it_the_logins_stays() {
    let store = Arc::new(MemoryStore::new());
    let world = World::over(store.clone()).await;
    let (browser, first) = due(&world).await;
    let auth = authenticator(&world.idp, store);
    let login = OAuth2Login::builder(&auth, world.idp.plain_client())
        .user(|_| async { Ok(OAuth2User::new("ann")) });
    let servers = serve(&auth, &login.build().unwrap(), &world.idp.client()).await;
    let sound = mint(&world.idp.key, &claims(&world.idp)).unwrap();
    world.idp.answers(refreshed(Some(&sound)));
    let mut elsewhere = browser.clone();
    elsewhere.address = servers.axum;
    assert_eq!(get(&elsewhere, "/tokens").await, is("access-2"));
    assert_eq!(get(&browser, "/id-token").await, is(&first));
}
