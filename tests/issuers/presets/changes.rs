//! What a preset sets can be changed after it.

use super::{Provider, changed};
use crate::support::issuer::{Answer, NOW, Server, key, set_of};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing::{ManualClock, mint};
use jamguard::{Authenticator, ErrorKind, Preset};
use serde_json::json;

#[tokio::test]
async fn keys_are_found_by_the_discovery_of_a_replaced_issuer() {
    let (server, key) = (Server::start().await, key("k1"));
    let issuer = server.url("");
    let document = json!({"issuer": issuer, "jwks_uri": server.url("/keys")});
    let path = "/.well-known/openid-configuration";
    server.set(path, Answer::ok(document.to_string()));
    server.set("/keys", Answer::ok(set_of(&[&key])));
    let verifier = Preset::gitlab_ci("acme/shop")
        .issuer(&issuer)
        .audience("api")
        .algorithms([Algorithm::ES256])
        .map_verifier(|verifier| verifier.clock(ManualClock::at(NOW)))
        .build()
        .unwrap();
    let claims = json!({
        "iss": issuer, "aud": "api", "sub": "1", "exp": NOW + 60,
        "project_path": "acme/shop", "pipeline_id": "574",
    });
    let verified = verifier.verify(&mint(&key, &claims).unwrap()).await.unwrap();
    assert_eq!(verified.issuer(), Some(&*issuer));
    assert_eq!(server.seen()[0], format!("GET {path} HTTP/1.1"));
    let first = changed(&claims, &json!({"iss": "https://gitlab.com"}));
    let error = verifier.verify(&mint(&key, &first).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidClaim);
}

#[tokio::test]
async fn rules_are_added() {
    let preset = Preset::google()
        .audience("shop")
        .map_verifier(|verifier| verifier.require_text("hd", "acme.example"));
    let claims = json!({
        "iss": "https://accounts.google.com", "aud": "shop", "sub": "1", "hd": "acme.example",
    });
    let google = Provider::start(preset, Algorithm::RS256, claims).await;
    google.identity(json!({})).await;
    google.refuses_claims("private account", json!({"hd": null}), "'hd'").await;
}

#[tokio::test]
async fn any_audience_is_a_decision_of_the_application() {
    let realm = "https://sso.acme.example/realms/shop";
    let claims = json!({"iss": realm, "sub": "1", "typ": "Bearer", "azp": "web"});
    let preset = Preset::keycloak(realm).any_audience().client_id("web");
    let keycloak = Provider::start(preset, Algorithm::RS256, claims).await;
    keycloak.identity(json!({"aud": "account"})).await;
    keycloak.identity(json!({})).await;
    keycloak.refuses_claims("another client", json!({"azp": "tv"}), "'azp'").await;
}

#[tokio::test]
async fn fixed_keys_replace_published_ones() {
    let key = SigningKey::generate(Algorithm::RS256).unwrap().with_key_id("k1");
    let preset = Preset::firebase("acme-shop").jwks_json(set_of(&[&key]));
    let auth = Authenticator::builder().preset(preset).clock(ManualClock::at(NOW)).build().unwrap();
    let claims = json!({
        "iss": "https://securetoken.google.com/acme-shop", "aud": "acme-shop", "sub": "1",
        "auth_time": NOW, "exp": NOW + 60,
    });
    auth.authenticate(&mint(&key, &claims).unwrap()).await.unwrap();
    let error = Preset::firebase("acme-shop").jwks_json("{}").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
}
