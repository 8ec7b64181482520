//! A client with a DPoP key (RFC 9449): bound tokens, proofs, and the nonces of both servers.

use crate::client::world::{World, json_answer, kind, tokens};
use crate::support::issuer::Answer;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jamguard::jose::{Algorithm, Jwk, SigningKey};
use jamguard::oauth2::{OAuth2Client, Provider};
use jamguard::store::SealingKeys;
use jamguard::{Authenticator, Dpop, DpopKey, ErrorKind, Identity, Verifier, testing};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const TOKEN_NONCE: &str = "nonce of the authorization server";

/// An authorization server whose tokens are bound to the key of the proof.
struct Issuer {
    key: SigningKey,
    requests: AtomicUsize,
}

/// The header or payload of a proof.
fn part(proof: &str, at: usize) -> Value {
    let part = proof.split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

async fn token(State(issuer): State<Arc<Issuer>>, headers: HeaderMap) -> Response {
    issuer.requests.fetch_add(1, Ordering::Relaxed);
    let proof = headers["dpop"].to_str().unwrap();
    let claims = part(proof, 1);
    assert_eq!(claims["htm"], "POST");
    assert!(claims["htu"].as_str().unwrap().ends_with("/token"));
    assert_eq!(claims["ath"], Value::Null);
    if claims["nonce"] != TOKEN_NONCE {
        let answer = (axum::http::StatusCode::BAD_REQUEST, [("dpop-nonce", TOKEN_NONCE)]);
        return (answer.0, answer.1, Json(json!({ "error": "use_dpop_nonce" }))).into_response();
    }
    let jwk = Jwk::from_json(&part(proof, 0)["jwk"].to_string()).unwrap();
    let claims = json!({
        "sub": "service", "aud": "api", "exp": 4_102_444_800u64,
        "cnf": { "jkt": jwk.thumbprint().unwrap() },
    });
    let token = testing::mint(&issuer.key, &claims).unwrap();
    Json(json!({ "access_token": token, "token_type": "DPoP", "expires_in": 3600 })).into_response()
}

async fn served(make: impl FnOnce(&str) -> Router) -> (String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = make(&url);
    (url, tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }))
}

#[tokio::test]
async fn tokens_are_bound_and_calls_carry_proofs_with_the_nonces_of_both_servers() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let verifier = Verifier::builder()
        .key(key.verifying_key().unwrap())
        .algorithms([Algorithm::ES256])
        .audience("api")
        .build()
        .unwrap();
    let issuer = Arc::new(Issuer { key, requests: AtomicUsize::new(0) });
    let state = issuer.clone();
    let (login, login_task) =
        served(|_| Router::new().route("/token", post(token)).with_state(state)).await;
    let (api, api_task) = served(|url| {
        let dpop = Dpop::builder().public_url(url).nonces(SealingKeys::new(&[1; 32])).required();
        let auth = Authenticator::builder().verifier(verifier).dpop(dpop.build().unwrap());
        let who = |identity: Identity| async move { Json(json!({ "sub": identity.subject() })) };
        Router::new().route("/orders", get(who)).layer(auth.build().unwrap().layer())
    })
    .await;
    let provider = Provider::new("ours", format!("{login}/authorize"), format!("{login}/token"));
    let client = OAuth2Client::builder(provider, "client")
        .secret("a secret")
        .dpop_key(DpopKey::generate().unwrap())
        .build()
        .unwrap();
    let source = client.token_source().build().unwrap();
    let bound = source.token().await.unwrap();
    assert_eq!(source.response().await.unwrap().token_type(), "DPoP");
    // The first request was sent again with the nonce, the next one has it at once.
    assert_eq!(issuer.requests.load(Ordering::Relaxed), 2);
    client.client_credentials().send().await.unwrap();
    assert_eq!(issuer.requests.load(Ordering::Relaxed), 3);

    // A call of the application's own.
    let url = format!("{api}/orders");
    let http = reqwest::Client::new();
    let call = async || {
        let proof = source.dpop_proof("GET", &format!("{url}?page=2"), &bound).unwrap();
        let request = http.get(format!("{url}?page=2")).header("dpop", proof);
        request.header("authorization", format!("DPoP {}", bound.expose())).send().await.unwrap()
    };
    let refused = call().await;
    assert_eq!(refused.status(), 401);
    let nonce = refused.headers()["dpop-nonce"].to_str().unwrap();
    source.remember_dpop_nonce(&url, nonce);
    let answer: Value = call().await.json().await.unwrap();
    assert_eq!(answer, json!({ "sub": "service" }));

    // A call of the client learns the nonce itself.
    let provider = Provider::new("ours", format!("{login}/authorize"), format!("{login}/token"));
    let client = OAuth2Client::builder(provider, "client").secret("a secret");
    let client = client.dpop_key(DpopKey::generate().unwrap()).build().unwrap();
    let tokens = client.client_credentials().send().await.unwrap();
    for _ in 0..2 {
        let answer: Value = client.get_json(&url, tokens.access_token()).await.unwrap();
        assert_eq!(answer, json!({ "sub": "service" }));
    }
    // The other client's key does not fit.
    let error = client.get_json::<Value>(&url, &bound).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    login_task.abort();
    api_task.abort();
}

async fn world() -> World {
    let key = DpopKey::generate().unwrap();
    World::with(|provider| provider, |client| client.dpop_key(key)).await
}

#[tokio::test]
async fn a_provider_that_does_not_bind_its_tokens_is_refused() {
    let world = world().await;
    for token_type in [json!("Bearer"), json!(""), Value::Null, json!("MAC"), json!(1)] {
        let mut body = tokens();
        body["token_type"] = token_type;
        world.server.set("/token", json_answer(&body));
        let error = world.client.client_credentials().send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedBody);
        assert!(error.message().contains("DPoP"), "{error}");
    }
    let mut body = tokens();
    body["token_type"] = "dpop".into();
    world.server.set("/token", json_answer(&body));
    world.client.client_credentials().send().await.unwrap();
}

#[tokio::test]
async fn a_request_is_sent_once_more_and_only_for_a_nonce() {
    let world = world().await;
    let answers = [
        (r#"{"error":"use_dpop_nonce"}"#, Some("n1"), 2),
        (r#"{"error":"use_dpop_nonce"}"#, None, 1),
        (r#"{"error":"invalid_grant"}"#, Some("n2"), 1),
        ("<html>use_dpop_nonce</html>", Some("n3"), 1),
    ];
    for (body, nonce, requests) in answers {
        let answer =
            Answer::Whole { status: 400, headers: Vec::new(), body: body.as_bytes().to_vec() };
        let answer = match nonce {
            Some(nonce) => answer.with("dpop-nonce", nonce),
            None => answer,
        };
        world.server.set("/token", answer);
        let before = world.server.hits();
        world.client.client_credentials().send().await.unwrap_err();
        assert_eq!(world.server.hits() - before, requests, "{body}");
    }
}

#[tokio::test]
async fn without_a_key_there_are_no_proofs() {
    let world = World::new().await;
    world.client.client_credentials().send().await.unwrap();
    assert_eq!(world.header("dpop"), None);
    let error = world.client.dpop_proof("GET", "https://api.example", &"token".into());
    assert_eq!(kind(error), ErrorKind::Configuration);
}
