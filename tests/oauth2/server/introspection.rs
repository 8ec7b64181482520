//! Opaque tokens of oidc-provider: introspected with a secret and with `private_key_jwt`, signed and
//! unsigned, beside its JWTs; revoked there and forgotten here.

use super::process::AuthorizationServer;
use super::{CALLBACK, RESOURCE, SECRET, client, clients, consented};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::oauth2::{OAuth2Client, Provider};
use jamguard::{Authenticator, ErrorKind, Introspection, Verifier};
use serde_json::{Value, json};
use std::time::Duration;

const OPAQUE: &str = "https://opaque.example";

/// The server, with clients that introspect.
fn server(key: &SigningKey) -> AuthorizationServer {
    let mut clients = clients(CALLBACK);
    let jwk: Value =
        serde_json::from_str(&key.verifying_key().unwrap().to_jwk().unwrap().to_json()).unwrap();
    let resource_server = |id: &str| {
        json!({
            "client_id": id, "redirect_uris": [], "response_types": [], "grant_types": [],
        })
    };
    let mut by_secret = resource_server("by-secret");
    by_secret["client_secret"] = SECRET.into();
    let mut signed = resource_server("signed");
    signed["client_secret"] = SECRET.into();
    signed["introspection_signed_response_alg"] = "RS256".into();
    let mut by_key = resource_server("by-key");
    by_key["token_endpoint_auth_method"] = "private_key_jwt".into();
    by_key["jwks"] = json!({"keys": [jwk]});
    clients.as_array_mut().unwrap().extend([by_secret, signed, by_key]);
    AuthorizationServer::start(&clients)
}

async fn token(server: &AuthorizationServer, resource: &str) -> String {
    let service = OAuth2Client::builder(Provider::discover("company", &*server.issuer), "service");
    let service = service.secret(SECRET).scopes(["orders.read"]).build().unwrap();
    let request = service.client_credentials().parameter("resource", resource);
    request.send().await.unwrap().access_token().expose().to_owned()
}

fn verifier(introspection: &Introspection) -> Verifier {
    let verifier = Verifier::builder().introspection(introspection.clone());
    verifier.audience(OPAQUE).build().unwrap()
}

#[tokio::test]
async fn opaque_tokens_are_introspected_and_jwts_verified_with_keys() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap().with_key_id("by-key");
    let server = server(&key);
    let opaque = token(&server, OPAQUE).await;
    assert!(!opaque.contains('.'));
    let asked = || Introspection::discover(&*server.issuer);
    for introspection in [
        asked().client_secret_basic("by-secret", SECRET),
        asked().private_key_jwt("by-key", key.clone()),
        asked().client_secret_basic("signed", SECRET).signed_answers([Algorithm::RS256]),
    ] {
        let introspection = introspection.build().unwrap();
        let verifier = verifier(&introspection);
        for _ in 0..3 {
            let verified = verifier.verify(&opaque).await.unwrap();
            assert_eq!(verified.issuer(), Some(&*server.issuer));
            let claims: Value = serde_json::from_str(verified.raw_claims()).unwrap();
            let found = [&claims["client_id"], &claims["scope"], &claims["aud"]];
            assert_eq!(found, ["service", "orders.read", OPAQUE]);
        }
        assert_eq!(introspection.calls(), 1);
        let error = verifier.verify("invented").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Inactive);
    }

    // It refuses to introspect its own JWTs: with its keys they are verified here.
    let jwt = token(&server, RESOURCE).await;
    let introspection = asked().client_secret_basic("by-secret", SECRET).build().unwrap();
    let rules = Verifier::builder().introspection(introspection.clone()).audience(RESOURCE);
    let error = rules.build().unwrap().verify(&jwt).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("unsupported_token_type"), "{error}");
    let both = Verifier::builder()
        .discover(&*server.issuer)
        .algorithms([Algorithm::RS256])
        .introspection(introspection)
        .audience(RESOURCE)
        .audience(OPAQUE)
        .build()
        .unwrap();
    for token in [&jwt, &opaque] {
        both.verify(token).await.unwrap();
    }

    let wrong = asked().client_secret_basic("by-secret", "another secret").build().unwrap();
    let error = verifier(&wrong).verify(&opaque).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ClientRefused);
}

#[tokio::test]
async fn a_revoked_token_is_refused_once_it_is_forgotten() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let server = server(&key);
    let opaque = token(&server, OPAQUE).await;
    let introspection = Introspection::discover(&*server.issuer)
        .client_secret_basic("by-secret", SECRET)
        .build()
        .unwrap();
    let auth = Authenticator::builder().verifier(verifier(&introspection)).build().unwrap();
    auth.authenticate(&opaque).await.unwrap();
    let form = serde_urlencoded::to_string([("token", &*opaque)]).unwrap();
    let revoked = reqwest::Client::new()
        .post(format!("{}/token/revocation", server.issuer))
        .basic_auth("service", Some(url_encoded(SECRET)))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(revoked.status(), 200);
    // Remembered, at most 30 s.
    auth.authenticate(&opaque).await.unwrap();
    auth.forget_token(&opaque);
    assert_eq!(auth.authenticate(&opaque).await.unwrap_err().kind(), ErrorKind::Inactive);
}

/// It calls refresh tokens active, without a `token_type`.
#[tokio::test]
async fn a_refresh_token_is_refused() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let server = server(&key);
    let web = client(&server.issuer, "web", CALLBACK).build().unwrap();
    let (pending, query) = consented(&web).await;
    let tokens = web.callback(pending, &query).unwrap().send().await.unwrap();
    let refresh_token = tokens.refresh_token().unwrap().expose();
    let asked = || {
        let asked = Introspection::discover(&*server.issuer);
        asked.client_secret_basic("by-secret", SECRET).inactive_ttl(Duration::ZERO)
    };
    let rules = |introspection: Introspection| {
        Verifier::builder().introspection(introspection).any_audience().build().unwrap()
    };
    let verifier = rules(asked().build().unwrap());
    let error = verifier.verify(refresh_token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongType, "{error}");
    assert!(verifier.verify(tokens.access_token().expose()).await.is_ok());
    // What the default prevents.
    let lax = rules(asked().danger_accept_missing_token_type().build().unwrap());
    assert!(lax.verify(refresh_token).await.is_ok());
}

fn url_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
