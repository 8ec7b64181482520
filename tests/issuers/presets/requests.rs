//! Several presets in one authenticator, over HTTP: headers, routing by issuer, claim paths.

use super::mint;
use crate::support::issuer::{NOW, set_of};
use crate::support::{Request, send};
use axum::{Router, routing::get};
use jamguard::jose::{Algorithm::ES256, SigningKey};
use jamguard::policy::{ClaimPaths, role};
use jamguard::testing::ManualClock;
use jamguard::{Authenticator, CredentialSource, ErrorKind, Identity, Preset};
use serde_json::{Value, json};
use std::net::SocketAddr;

const IAP: &str = "x-goog-iap-jwt-assertion";
const REALM: &str = "https://sso.acme.example/realms/shop";
const INSTANCE: &str = "https://acme.zitadel.cloud";

struct Keys {
    keycloak: SigningKey,
    zitadel: SigningKey,
    iap: SigningKey,
}

impl Keys {
    fn new() -> Self {
        let key = || SigningKey::generate(ES256).unwrap().with_key_id("k1");
        Self { keycloak: key(), zitadel: key(), iap: key() }
    }

    fn keycloak(&self) -> Preset {
        Preset::keycloak(REALM)
            .audience("orders")
            .jwks_json(set_of(&[&self.keycloak]))
            .algorithms([ES256])
    }

    fn zitadel(&self) -> Preset {
        Preset::zitadel(INSTANCE)
            .audience("1")
            .jwks_json(set_of(&[&self.zitadel]))
            .algorithms([ES256])
    }

    fn iap(&self) -> Preset {
        Preset::google_iap()
            .audience("/projects/1/apps/a")
            .jwks_json(set_of(&[&self.iap]))
            .algorithms([ES256])
    }
}

fn keycloak_claims() -> Value {
    json!({
        "iss": REALM, "aud": "orders", "sub": "ann", "typ": "Bearer", "exp": NOW + 60,
        "realm_access": {"roles": ["editor"]},
        // What these claims mean elsewhere, they do not mean here.
        "roles": ["admin"], "urn:zitadel:iam:org:project:roles": {"owner": {}},
    })
}

fn zitadel_claims() -> Value {
    json!({
        "iss": INSTANCE, "aud": ["1"], "sub": "bob", "jti": "at", "exp": NOW + 60,
        "urn:zitadel:iam:org:project:roles": {"owner": {}},
        "realm_access": {"roles": ["editor"]},
    })
}

fn iap_claims() -> Value {
    let sub = "accounts.google.com:1";
    json!({"iss": "https://cloud.google.com/iap", "aud": "/projects/1/apps/a", "sub": sub, "exp": NOW + 60})
}

/// Serves the subject of the sender, and a page for each role.
async fn serve(auth: Authenticator) -> SocketAddr {
    async fn me(identity: Identity) -> String {
        identity.subject().unwrap().to_owned()
    }
    let mut app = Router::new().route("/me", get(me));
    for name in ["editor", "owner", "admin"] {
        let page = get(|| async { "ok" }).route_layer(auth.require(role(name)));
        app = app.route(&format!("/{name}"), page);
    }
    let app = app.layer(auth.layer());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

#[tokio::test]
async fn several_presets_are_told_apart_by_issuer_and_each_reads_its_own_claims() {
    let keys = Keys::new();
    let auth = Authenticator::builder()
        .preset(keys.keycloak())
        .preset(keys.zitadel())
        .preset(keys.iap())
        .clock(ManualClock::at(NOW))
        .build()
        .unwrap();
    let address = serve(auth).await;
    let ann = mint(&keys.keycloak, &keycloak_claims()).unwrap();
    let bob = mint(&keys.zitadel, &zitadel_claims()).unwrap();
    let eve = mint(&keys.zitadel, &keycloak_claims()).unwrap();
    let guest = mint(&keys.iap, &iap_claims()).unwrap();
    for (token, path, status, body) in [
        (&ann, "/me", 200, "ann"),
        (&ann, "/editor", 200, "ok"),
        (&ann, "/owner", 403, ""),
        (&ann, "/admin", 403, ""),
        (&bob, "/me", 200, "bob"),
        (&bob, "/owner", 200, "ok"),
        (&bob, "/editor", 403, ""),
        (&eve, "/me", 401, ""),
    ] {
        let response = send(address, &Request::get(path).bearer(token)).await;
        assert_eq!(response.status, status, "{path}: {}", response.text());
        assert!(response.text().contains(body), "{path}");
    }
    let response = send(address, &Request::get("/me").header(IAP, &guest)).await;
    assert_eq!((response.status, response.text()), (200, "accounts.google.com:1"));
}

#[tokio::test]
async fn a_proxys_header_is_never_trusted_without_its_signature() {
    let keys = Keys::new();
    let auth =
        Authenticator::builder().preset(keys.iap()).clock(ManualClock::at(NOW)).build().unwrap();
    let address = serve(auth).await;
    let sound = mint(&keys.iap, &iap_claims()).unwrap();
    let foreign = mint(&keys.zitadel, &iap_claims()).unwrap();
    let unsigned = format!("{}.", &sound[..sound.rfind('.').unwrap()]);
    let none = jamguard::testing::mint_with_header(
        &keys.iap,
        &json!({"alg": "none"}),
        iap_claims().to_string().as_bytes(),
    );
    let get = || Request::get("/me");
    for (what, request, status) in [
        ("sound", get().header(IAP, &sound), 200),
        ("signed with another key", get().header(IAP, &foreign), 401),
        ("without its signature", get().header(IAP, &unsigned), 401),
        ("alg none", get().header(IAP, none.unwrap()), 401),
        // The headers that IAP adds without a signature.
        ("e-mail", get().header("x-goog-authenticated-user-email", "accounts.google.com:ann"), 401),
        // Only this header is read: IAP removes it from what clients send.
        ("bearer", get().bearer(&sound), 401),
    ] {
        let response = send(address, &request).await;
        assert_eq!(response.status, status, "{what}: {}", response.text());
    }
}

/// The proxy knows a browser by a cookie, which other sites' pages make it send too.
#[tokio::test]
async fn a_proxys_header_does_not_let_other_sites_act_for_the_user() {
    let keys = Keys::new();
    let auth = || Authenticator::builder().preset(keys.iap()).clock(ManualClock::at(NOW));
    let sound = mint(&keys.iap, &iap_claims()).unwrap();
    let post = || Request::post("/me", "").header(IAP, &sound).header("host", "app.example");
    let evil = "https://evil.example";
    let address = serve(auth().build().unwrap()).await;
    for (what, request, status) in [
        ("another site's page", post().header("sec-fetch-site", "cross-site"), 403),
        ("another origin", post().header("origin", evil), 403),
        ("the site's own page", post().header("sec-fetch-site", "same-origin"), 405),
        ("no browser", post(), 405),
        ("reading", Request::get("/me").header(IAP, &sound).header("origin", evil), 200),
    ] {
        let response = send(address, &request).await;
        assert_eq!(response.status, status, "{what}: {}", response.text());
    }
    // The origin is not checked for a header that the client's own code sets.
    let own = auth().source(CredentialSource::header("x-id-token")).build().unwrap();
    let request = Request::post("/me", "").header("x-id-token", &sound).header("origin", evil);
    assert_eq!(send(serve(own).await, &request).await.status, 405);
    // So the proxy's header cannot be read that way.
    let error = auth().source(CredentialSource::header(IAP)).build().unwrap_err();
    assert!(error.message().contains("proxy_header("), "{error}");
}

#[tokio::test]
async fn the_place_of_the_tokens_can_be_changed() {
    let keys = Keys::new();
    let sound = mint(&keys.iap, &iap_claims()).unwrap();
    let moved = CredentialSource::header("x-assertion");
    let auths = [
        Authenticator::builder().preset(keys.iap().source(moved.clone())),
        Authenticator::builder().source(moved).preset(keys.iap()),
    ];
    for auth in auths {
        let address = serve(auth.clock(ManualClock::at(NOW)).build().unwrap()).await;
        let response = send(address, &Request::get("/me").header("x-assertion", &sound)).await;
        assert_eq!(response.status, 200);
        let response = send(address, &Request::get("/me").header(IAP, &sound)).await;
        assert_eq!(response.status, 401);
    }
}

#[test]
fn two_presets_of_one_issuer_must_read_the_same_claims() {
    let keys = Keys::new();
    let second = || keys.keycloak().audience("billing");
    let same = Authenticator::builder().preset(keys.keycloak()).preset(second());
    assert!(same.build().is_ok());
    let other = second().claim_paths(ClaimPaths::default());
    let error = Authenticator::builder().preset(keys.keycloak()).preset(other).build();
    let error = error.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains(REALM), "{error}");
    assert!(error.message().contains(".claim_paths("), "{error}");
}
