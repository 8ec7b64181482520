//! Access tokens of authorization servers.

use super::Provider;
use jamguard::policy::{ClaimPaths, claim, permission, role, scope};
use jamguard::{ErrorKind, Preset, jose::Algorithm};
use serde_json::json;

const API: &str = "https://api.acme.example";

#[tokio::test]
async fn auth0() {
    let preset = Preset::auth0("acme.eu.auth0.com").audience(API);
    let claims = json!({
        "iss": "https://acme.eu.auth0.com/",
        "sub": "auth0|507f1f77bcf86cd799439011",
        "aud": [API, "https://acme.eu.auth0.com/userinfo"],
        "azp": "my_client_id",
        "scope": "openid profile read:orders",
        "permissions": ["delete:orders"],
    });
    let auth0 = Provider::start(preset, Algorithm::RS256, claims).await;
    auth0.identity(json!({"aud": API})).await;
    auth0
        .allows(
            &[scope("read:orders"), permission("delete:orders")],
            &[scope("delete:orders"), permission("read:orders")],
        )
        .await;
    let other_api = json!({"aud": "https://acme.eu.auth0.com/api/v2/"});
    auth0.refuses_claims("token for another API", other_api, "'aud'").await;
    auth0.refuses_claims("ID token", json!({"aud": "my_client_id"}), "'aud'").await;
    let without_slash = json!({"iss": "https://acme.eu.auth0.com"});
    auth0.refuses_claims("another issuer", without_slash, "'iss'").await;
    auth0.refuses_other_forms("8Hn2tGJ0pVvU7pZxw1mFzqkY").await;
}

#[tokio::test]
async fn keycloak() {
    let realm = "https://sso.acme.example/realms/shop";
    let preset = Preset::keycloak(format!("{realm}/")).audience("orders");
    let claims = json!({
        "iss": realm,
        "sub": "f4b0d1a2-5e0c-4a38-9d6f-6d8a1f0e2c11",
        "aud": ["orders", "account"],
        "typ": "Bearer",
        "azp": "shop-web",
        "scope": "openid email orders:read",
        "realm_access": {"roles": ["offline_access", "editor"]},
        "resource_access": {"orders": {"roles": ["approver"]}},
        "email": "ann@acme.example",
        "email_verified": true,
    });
    let keycloak = Provider::start(preset, Algorithm::RS256, claims.clone()).await;
    keycloak.allows(&[scope("orders:read"), role("editor")], &[role("approver")]).await;
    for kind in ["ID", "Refresh", "Offline", "Logout"] {
        keycloak.refuses_claims(kind, json!({"typ": kind}), "'typ'").await;
    }
    keycloak.refuses_claims("no kind", json!({"typ": null}), "'typ'").await;
    // What Keycloak writes into tokens that are bound to a key.
    keycloak.identity(json!({"typ": "DPoP"})).await;
    keycloak.refuses_claims("no audience mapper", json!({"aud": "account"}), "'aud'").await;
    keycloak.refuses_claims("without aud", json!({"aud": null}), "'aud'").await;
    let other_realm = json!({"iss": "https://sso.acme.example/realms/master"});
    keycloak.refuses_claims("another realm", other_realm, "realms/master").await;
    keycloak.refuses_other_forms("opaque").await;

    // The roles of a client are read on request.
    let paths = ClaimPaths::default().roles(["resource_access.orders.roles"]);
    let preset = Preset::keycloak(realm).audience("orders").claim_paths(paths);
    let keycloak = Provider::start(preset, Algorithm::ES256, claims).await;
    keycloak.allows(&[role("approver")], &[role("editor")]).await;
}

#[tokio::test]
async fn okta() {
    let issuer = "https://acme.okta.com/oauth2/default";
    let preset = Preset::okta(issuer).audience("api://default");
    let claims = json!({
        "ver": 1,
        "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
        "iss": issuer,
        "aud": "api://default",
        "sub": "ann@acme.example",
        "cid": "nmdP1fcyvdVO11AL7ECm",
        "uid": "00ujmkLgagxeRrAg20g3",
        "scp": ["openid", "orders.read"],
        "groups": ["editors"],
    });
    let okta = Provider::start(preset, Algorithm::RS256, claims).await;
    okta.allows(&[scope("orders.read"), role("editors")], &[scope("editors")]).await;
    let org = json!({"iss": "https://acme.okta.com", "aud": "https://acme.okta.com"});
    okta.refuses_claims("token of the org authorization server", org, "acme.okta.com").await;
    let id_token = json!({"aud": "nmdP1fcyvdVO11AL7ECm", "cid": null, "scp": null});
    okta.refuses_claims("ID token", id_token, "'aud'").await;
    let other = json!({"iss": "https://acme.okta.com/oauth2/aus9o8wzkhckw9TLa0h7"});
    okta.refuses_claims("another authorization server", other, "'iss'").await;
    okta.refuses_claims("without a client", json!({"cid": null}), "'cid'").await;
    okta.refuses_other_forms("opaque").await;
}

#[tokio::test]
async fn okta_can_require_a_client() {
    let issuer = "https://acme.okta.com/oauth2/default";
    let preset = Preset::okta(issuer).audience("api://default").client_id("web").client_id("ios");
    let claims = json!({"iss": issuer, "aud": "api://default", "sub": "ann", "cid": "ios"});
    let okta = Provider::start(preset, Algorithm::RS256, claims).await;
    okta.identity(json!({})).await;
    okta.refuses_claims("another client", json!({"cid": "tv"}), "`web` or `ios`").await;
}

#[tokio::test]
async fn zitadel() {
    let project = "344374183645413380";
    let preset = Preset::zitadel("https://acme.zitadel.cloud").audience(project);
    let roles = json!({"editor": {"344373908297744388": "acme.example"}});
    let claims = json!({
        "iss": "https://acme.zitadel.cloud",
        "sub": "345377791925026818",
        "aud": ["344374183645478916", project],
        "client_id": "344374183645478916",
        "jti": "V2_345377791925026819-at_345377791925092355",
        "nbf": 1_799_999_000,
        "urn:zitadel:iam:org:project:roles": roles,
    });
    let zitadel = Provider::start(preset, Algorithm::RS256, claims).await;
    zitadel
        .allows(&[role("editor")], &[role("344373908297744388"), role("acme.example"), role("")])
        .await;
    // An ID token has the project in `aud` too, but no `jti`.
    let id_token = json!({"jti": null, "nbf": null, "at_hash": "RK7Q"});
    zitadel.refuses_claims("ID token", id_token, "'jti'").await;
    let other = json!({"aud": ["344374183645478916", "1"]});
    zitadel.refuses_claims("token for another project", other, "'aud'").await;
    zitadel.refuses_other_forms("V2_345377791925026819-at_345377791925092355").await;
}

#[tokio::test]
async fn the_roles_of_a_list_and_of_an_object_are_not_mixed() {
    let preset = Preset::zitadel("https://acme.zitadel.cloud").audience("1");
    let claims = json!({
        "iss": "https://acme.zitadel.cloud", "sub": "2", "aud": ["1"], "jti": "at",
        "roles": ["admin"],
        "urn:zitadel:iam:org:project:roles": "owner",
    });
    let zitadel = Provider::start(preset, Algorithm::RS256, claims).await;
    zitadel.allows(&[claim("roles").contains("admin")], &[role("admin"), role("owner")]).await;
    let kind = ErrorKind::UnsupportedAlgorithm;
    let hs = jamguard::jose::SigningKey::from_secret(Algorithm::HS512, &[7; 64]).unwrap();
    let token = jamguard::testing::mint(&hs, &zitadel.claims).unwrap();
    zitadel.refuses("HS512", &token, kind, "HS512").await;
}

#[tokio::test]
async fn cognito() {
    let preset = Preset::cognito("eu-central-1_a1B2c3D4e").client_id("4tl4f1mb").client_id("7mn0");
    let claims = json!({
        "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "cognito:groups": ["editors"],
        "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a1B2c3D4e",
        "version": 2,
        "client_id": "4tl4f1mb",
        "origin_jti": "aaaaaaaa",
        "token_use": "access",
        "scope": "openid orders/read",
        "username": "ann",
    });
    let cognito = Provider::start(preset, Algorithm::RS256, claims).await;
    cognito
        .allows(&[scope("orders/read"), role("editors")], &[role("admins"), scope("editors")])
        .await;
    cognito.identity(json!({"client_id": "7mn0"})).await;
    let id_token = json!({"token_use": "id", "aud": "4tl4f1mb", "client_id": null, "scope": null});
    cognito.refuses_claims("ID token", id_token, "'").await;
    cognito.refuses_claims("another kind", json!({"token_use": "id"}), "'token_use'").await;
    cognito.refuses_claims("another client", json!({"client_id": "evil"}), "'client_id'").await;
    cognito.refuses_claims("for a resource", json!({"aud": "https://api.evil"}), "'aud'").await;
    let pool = "https://cognito-identity.amazonaws.com";
    cognito.refuses_claims("token of an identity pool", json!({"iss": pool}), "identity").await;
    let encrypted = "eyJjdHkiOiJKV1QiLCJlbmMiOiJBMjU2R0NNIn0.a.b.c.d";
    cognito.refuses("refresh token", encrypted, ErrorKind::Malformed, "five parts").await;
    cognito.refuses_other_forms("opaque").await;
}

#[tokio::test]
async fn cognito_accepts_a_named_resource() {
    let pool = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a1";
    let preset = Preset::cognito("us-east-1_a1").client_id("web").audience(API);
    let claims = json!({"iss": pool, "sub": "1", "client_id": "web", "token_use": "access"});
    let cognito = Provider::start(preset, Algorithm::RS256, claims).await;
    cognito.identity(json!({})).await;
    cognito.identity(json!({"aud": API})).await;
    cognito.refuses_claims("another client", json!({"aud": API, "client_id": "tv"}), "tv").await;
    cognito.refuses_claims("another resource", json!({"aud": "https://b.example"}), "'aud'").await;
}
