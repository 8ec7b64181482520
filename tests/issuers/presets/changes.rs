//! What a preset sets can be changed after it.

use super::Provider;
use crate::support::issuer::{Answer, NOW, Server, changed, key, set_of};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::policy::ClaimPaths;
use jamguard::testing::{ManualClock, mint};
use jamguard::{
    Authenticator, AuthenticatorBuilder, ErrorKind, Preset, ProtectedResource, Verifier,
};
use serde_json::json;

/// The preset with the issuer replaced by a test's.
fn of_another_issuer(preset: Preset, issuer: &str) -> Verifier {
    preset
        .issuer(issuer)
        .audience("api")
        .algorithms([Algorithm::ES256])
        .map_verifier(|verifier| verifier.clock(ManualClock::at(NOW)))
        .build()
        .unwrap()
}

#[tokio::test]
async fn keys_are_found_by_the_discovery_of_a_replaced_issuer() {
    let (server, key) = (Server::start().await, key("k1"));
    let issuer = server.discoverable(json!({"jwks_uri": server.url("/keys")}));
    server.set("/keys", Answer::ok(set_of(&[&key])));
    let verifier = of_another_issuer(Preset::gitlab_ci("acme/shop"), &issuer);
    let claims = json!({
        "iss": issuer, "aud": "api", "sub": "1", "exp": NOW + 60,
        "project_path": "acme/shop", "pipeline_id": "574",
    });
    let verified = verifier.verify(&mint(&key, &claims).unwrap()).await.unwrap();
    assert_eq!(verified.issuer(), Some(&*issuer));
    assert_eq!(server.seen()[0], "GET /.well-known/openid-configuration HTTP/1.1");
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

#[tokio::test]
async fn an_issuer_replaces_the_tenants_of_entra() {
    let (server, key) = (Server::start().await, key("k1"));
    let issuer = server.discoverable(json!({"jwks_uri": server.url("/keys")}));
    server.set("/keys", Answer::ok(set_of(&[&key])));
    let tenant = "3a1b6c2e-5d0f-4c1a-9c53-0a5d1b1a7f10";
    for preset in [Preset::entra_any_tenant(), Preset::entra(tenant)] {
        let verifier = of_another_issuer(preset, &issuer);
        let claims = json!({"iss": issuer, "aud": "api", "azp": "web", "exp": NOW + 60});
        verifier.verify(&mint(&key, &claims).unwrap()).await.unwrap();
        let iss = format!("https://login.microsoftonline.com/{tenant}/v2.0");
        let first = changed(&claims, &json!({"iss": iss, "tid": tenant}));
        let error = verifier.verify(&mint(&key, &first).unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidClaim);
    }
}

#[tokio::test]
async fn a_protected_resource_is_an_audience() {
    let realm = "https://sso.acme.example/realms/shop";
    let resource = ProtectedResource::builder("https://api.acme.example/mcp")
        .authorization_server(realm)
        .build()
        .unwrap();
    let claims = json!({"iss": realm, "sub": "1", "typ": "Bearer"});
    let preset = Preset::keycloak(realm).protected_resource(&resource);
    let keycloak = Provider::start(preset, Algorithm::RS256, claims.clone()).await;
    keycloak.identity(json!({"aud": "https://api.acme.example/mcp"})).await;
    keycloak.refuses_claims("another audience", json!({"aud": "orders"}), "'aud'").await;
    keycloak.refuses_claims("no audience", json!({}), "'aud'").await;

    let preset = Preset::keycloak(realm).protected_resource(&resource).audience("orders");
    let keycloak = Provider::start(preset, Algorithm::RS256, claims).await;
    keycloak.identity(json!({"aud": "orders"})).await;
    keycloak.identity(json!({"aud": "https://api.acme.example/mcp"})).await;
}

#[tokio::test]
async fn the_client_is_named_by_the_first_of_three_claims() {
    let realm = "https://sso.acme.example/realms/shop";
    let claims = json!({"iss": realm, "sub": "1", "typ": "Bearer", "aud": "orders"});
    let preset = Preset::keycloak(realm).audience("orders").client_id("web");
    let keycloak = Provider::start(preset, Algorithm::RS256, claims).await;
    for claim in ["client_id", "azp", "appid"] {
        keycloak.identity(json!({claim: "web"})).await;
        keycloak.refuses_claims("another client", json!({claim: "tv"}), claim).await;
    }
    keycloak.refuses_claims("another", json!({"client_id": "tv", "azp": "web"}), "client_id").await;
}

#[test]
fn two_presets_of_one_issuer_have_the_same_hierarchy_of_scopes() {
    let realm = "https://sso.acme.example/realms/shop";
    let build = |implied: [&[(&str, &str)]; 2]| {
        let presets = implied.map(|implied| {
            let paths = implied.iter().fold(ClaimPaths::keycloak(), |paths, (broad, narrow)| {
                paths.scope_implies(*broad, [*narrow])
            });
            Preset::keycloak(realm).audience("orders").claim_paths(paths)
        });
        presets.into_iter().fold(Authenticator::builder(), AuthenticatorBuilder::preset).build()
    };
    let (a, b) = (("notes.admin", "notes.write"), ("notes.write", "notes.read"));
    build([&[a, b], &[b, a]]).unwrap();
    let error = build([&[a, b], &[a]]).unwrap_err();
    assert!(error.message().contains("from different claims"), "{error}");
}
