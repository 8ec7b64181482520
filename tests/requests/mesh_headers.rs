//! The user's token in a header that a proxy adds: verified like any other, because the header also
//! comes from clients that found a way around the proxy.

use crate::support::{ANN, Request, Servers, Site, World, damaged};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::CredentialSource;
use jamguard::emulator::IdToken;
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::testing;
use serde_json::{Value, json};

const HEADERS: [&str; 3] =
    ["X-Goog-IAP-JWT-Assertion", "Cf-Access-Jwt-Assertion", "X-Amzn-Oidc-Data"];
const COOKIE: &str = "CF_Authorization";

#[tokio::test]
async fn a_proxys_assertion_counts_by_its_signature_alone() {
    let world = World::new().await;
    let sources = HEADERS.map(CredentialSource::proxy_header);
    let auth = world.auth().sources(sources).source(CredentialSource::cookie(COOKIE));
    let servers = Servers::start(Site::new(auth.build().unwrap())).await;
    let token = world.token();
    let payload = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    // With this the attacker has all but the key.
    let own_key = SigningKey::generate(Algorithm::ES512).unwrap();
    let header = json!({"alg": "none", "typ": "JWT"}).to_string();
    let forged = [
        format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(header)),
        testing::mint(&own_key, &claims).unwrap(),
        world.unknown_key_token(),
        damaged(&token),
        world.issue(IdToken::new(ANN).claim("aud", json!("another-app"))),
        world.expired_token(),
        payload.to_owned(),
        ANN.to_owned(),
    ];
    let get = || Request::get("/identity");
    for header in HEADERS {
        let answer = servers.ask(get().header(header, &token)).await;
        assert_eq!(answer.text(), format!("header {ANN}"));
        for forged in &forged {
            assert_eq!(servers.ask(get().header(header, forged)).await.status, 401, "{forged}");
        }
        let twice = get().header(header, &token).header(header, &token);
        assert_eq!(servers.ask(twice).await.status, 400);
    }
    assert_eq!(servers.ask(get().cookie(COOKIE, &token)).await.text(), format!("cookie {ANN}"));
    for forged in &forged {
        assert_eq!(servers.ask(get().cookie(COOKIE, forged)).await.status, 401, "{forged}");
    }
    // Plain names beside the assertion are read by nobody.
    for (name, value) in [
        ("x-goog-authenticated-user-email", "accounts.google.com:ann@example.com"),
        ("cf-access-authenticated-user-email", ANN),
        ("x-amzn-oidc-identity", ANN),
        ("x-forwarded-user", ANN),
    ] {
        assert_eq!(servers.ask(get().header(name, value)).await.status, 401, "{name}");
    }
}
