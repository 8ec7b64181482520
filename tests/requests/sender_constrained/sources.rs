//! Where bound and unbound tokens are accepted.

use super::world::{World, accepted, refused, with};
use crate::support::Request;
use jamguard::{CredentialSource, Dpop, ErrorKind};
use serde_json::{Value, json};

const INVALID: &str = "invalid_token";

#[tokio::test]
async fn attack_47_a_bound_token_as_a_bearer_token() {
    let world = World::new();
    let sources = || {
        [
            CredentialSource::bearer(),
            CredentialSource::header("x-token"),
            CredentialSource::query("access_token"),
        ]
    };
    let auth = || {
        let dpop = Dpop::builder().public_url("https://api.example").build().unwrap();
        world.auth().sources(sources()).dpop(dpop).build().unwrap()
    };
    let servers = world.serve(auth).await;
    let token = world.bound();
    let proof = || world.sign(&world.draft("GET", "/me", &token));
    // Before and after it is cached, and with a proof that would be right.
    for _ in 0..2 {
        refused(&servers, Request::get("/me").bearer(&token), INVALID).await;
        let with_proof = Request::get("/me").bearer(&token).header("dpop", proof());
        refused(&servers, with_proof, INVALID).await;
        refused(&servers, Request::get("/me").header("x-token", &token), INVALID).await;
        let in_query = Request::get(&format!("/me?access_token={token}"));
        refused(&servers, in_query, INVALID).await;
        accepted(&servers, world.request("GET", "/me", &token)).await;
    }
    // Two ways at once (RFC 6750 section 2).
    let both = with(Request::get(&format!("/me?access_token={token}")), &token, &proof());
    assert_eq!(servers.ask(both).await.status, 400);
    let both = with(Request::get("/me"), &token, &proof()).bearer(&token);
    assert_eq!(servers.ask(both).await.status, 400);
}

#[tokio::test]
async fn an_unbound_token_is_a_bearer_token_and_nothing_else() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    let token = world.token(Value::Null);
    let answer = servers.ask(Request::get("/me").bearer(&token)).await;
    assert_eq!((answer.status, answer.text()), (200, "ann by Bearer"));
    refused(&servers, world.request("GET", "/me", &token), INVALID).await;
    // The token is at fault, whatever comes beside it.
    let bare = Request::get("/me").header("authorization", format!("DPoP {token}"));
    refused(&servers, bare, INVALID).await;
}

#[tokio::test]
async fn where_dpop_is_required_unbound_tokens_are_refused() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop.required()).await;
    for _ in 0..2 {
        refused(&servers, Request::get("/me").bearer(&world.token(Value::Null)), INVALID).await;
    }
    accepted(&servers, world.request("GET", "/me", &world.bound())).await;
    assert_eq!(servers.ask(Request::get("/open")).await.status, 200);
    // Outside of HTTP too.
    let dpop = Dpop::builder().public_url("https://api.example").required().build().unwrap();
    let auth = world.auth().dpop(dpop).build().unwrap();
    for token in [world.token(Value::Null), world.bound()] {
        let error = auth.authenticate(&token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidClaim);
    }
}

#[tokio::test]
async fn a_token_bound_to_anything_else_is_refused() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    let thumbprint = world.client.thumbprint().unwrap();
    let cases = [
        json!({ "jwk": {} }),
        json!({ "kid": "a" }),
        json!({}),
        json!([]),
        json!("text"),
        json!({ "jkt": 1 }),
        json!({ "jkt": thumbprint, "kid": "a" }),
        json!({ "jkt": thumbprint, "x5t#S256": thumbprint }),
        json!({ "x5t#S256": thumbprint }),
    ];
    for confirmation in cases {
        let token = world.token(confirmation);
        refused(&servers, Request::get("/me").bearer(&token), INVALID).await;
        refused(&servers, world.request("GET", "/me", &token), INVALID).await;
    }
}

#[tokio::test]
async fn without_dpop_the_scheme_is_unknown_and_bound_tokens_are_refused() {
    let world = World::new();
    let servers = world.serve(|| world.auth().build().unwrap()).await;
    let token = world.bound();
    let answer = servers.ask(world.request("GET", "/me", &token)).await;
    let challenge = answer.header("www-authenticate");
    assert_eq!((answer.status, challenge), (401, Some("Bearer realm=\"api\"")));
    refused(&servers, Request::get("/me").bearer(&token), INVALID).await;
    let error = world.auth().source(CredentialSource::dpop()).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains(".dpop("), "{error}");
    // A verifier alone refuses it too, also if an authenticator with DPoP has cached it.
    let verifier = world.verifier();
    let dpop = Dpop::builder().public_url("https://api.example").build().unwrap();
    let auth = || {
        let auth = jamguard::Authenticator::builder().verifier(verifier.clone());
        auth.clock(world.clock.clone()).dpop(dpop.clone()).build().unwrap()
    };
    let axum = world.serve(auth).await;
    let answer = crate::support::send(axum.axum, &world.request("GET", "/me", &token)).await;
    assert_eq!(answer.status, 200);
    let error = verifier.verify(&token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidClaim);
}
