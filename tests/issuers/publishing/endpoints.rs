//! The published keys and metadata of an issuer: the same bytes from both frameworks, and enough
//! for a service elsewhere to verify with.

use crate::support::{Request, Servers};
use actix_web::middleware::Condition;
use actix_web::web;
use axum::Router;
use axum::routing::get_service;
use jamguard::jose::{Algorithm, KeySet, SigningKey};
use jamguard::jwks::RemoteKeySet;
use jamguard::store::{MemoryStore, SealingKeys};
use jamguard::testing::ManualClock;
use jamguard::{Authenticator, Error, ErrorKind, Issuer, IssuerBuilder, KeyRing, Verifier};
use serde_json::{Value, json};
use std::time::Duration;

const ISSUER: &str = "https://issuer.example";
const KEYS: &str = "/.well-known/jwks.json";
const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
const HOUR: Duration = Duration::from_secs(3600);

fn router(issuer: &Issuer) -> Router {
    let metadata = issuer.metadata_endpoint().unwrap();
    Router::new()
        .route(KEYS, get_service(issuer.jwks_endpoint().unwrap()))
        .route(OAUTH, get_service(metadata.clone()))
        .route(OPENID, get_service(metadata))
}

async fn serve(issuer: &Issuer) -> Servers {
    let auth = Authenticator::builder().verifier(issuer.verifier());
    let auth = auth.build().unwrap();
    let wrap = move || Condition::new(false, auth.actix());
    let keys = issuer.jwks_endpoint().unwrap();
    let metadata = issuer.metadata_endpoint().unwrap();
    Servers::serve(router(issuer), wrap, move |config| {
        config
            .route(KEYS, web::get().to(keys.clone()))
            .route(OAUTH, web::get().to(metadata.clone()))
            .route(OPENID, web::get().to(metadata.clone()));
    })
    .await
}

fn ring() -> KeyRing {
    KeyRing::builder(Algorithm::ES512).build().unwrap()
}

fn issuer(ring: &KeyRing) -> Issuer {
    let issuer = Issuer::builder().key_ring(ring.clone());
    issuer.issuer(ISSUER).build().unwrap()
}

#[tokio::test]
async fn the_keys_are_published_the_same_by_both() {
    let ring = ring();
    let servers = serve(&issuer(&ring)).await;
    let answer = servers.ask(Request::get(KEYS)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let set = answer.json();
    let [key] = &set["keys"].as_array().unwrap()[..] else {
        panic!("{set}");
    };
    let mut members: Vec<_> = key.as_object().unwrap().keys().collect();
    members.sort();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!(key["kid"], ring.keys().await.unwrap()[0].key_id());

    // Upcoming ones before they sign, revoked ones no more.
    let upcoming = ring.rotate().await.unwrap();
    let two = servers.ask(Request::get(KEYS)).await.json();
    assert_eq!(two["keys"][1]["kid"], *upcoming);
    ring.revoke(&upcoming).await.unwrap();
    assert_eq!(servers.ask(Request::get(KEYS)).await.json(), set);
}

#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    let ring = ring();
    let servers = serve(&issuer(&ring)).await;
    for path in [KEYS, OAUTH, OPENID] {
        let first = servers.ask(Request::get(path)).await;
        let tag = first.header("etag").unwrap().to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 16, "{tag}");
        let known = [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()];
        for known in known {
            let request = Request::get(path).header("if-none-match", &known);
            let again = servers.ask(request).await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
            assert_eq!(again.header("etag"), Some(&*tag));
            assert_eq!(again.header("cache-control"), first.header("cache-control"));
            assert_eq!(again.header("content-type"), None);
        }
        let other = Request::get(path).header("if-none-match", "\"other\"");
        assert_eq!(servers.ask(other).await.status, 200);
        assert_eq!(servers.ask(Request::get(path)).await.header("etag"), Some(&*tag));
    }
    let request = || Request::get(KEYS);
    let before = servers.ask(request()).await;
    let tag = before.header("etag").unwrap().to_owned();
    ring.rotate().await.unwrap();
    let after = servers.ask(request().header("if-none-match", tag)).await;
    assert_eq!(after.status, 200, "other keys have another tag");
}

#[tokio::test]
async fn caches_learn_of_a_key_before_it_signs() {
    for (ahead, age) in [(3600, 300), (600, 300), (60, 30), (0, 0)] {
        let ring = KeyRing::builder(Algorithm::ES256).publish_ahead(Duration::from_secs(ahead));
        let servers = serve(&issuer(&ring.build().unwrap())).await;
        let answer = servers.ask(Request::get(KEYS)).await;
        let expected = format!("public, max-age={age}");
        assert_eq!(answer.header("cache-control"), Some(&*expected));
    }
}

#[tokio::test]
async fn the_metadata_says_who_and_where() {
    let issuer = issuer(&ring());
    let servers = serve(&issuer).await;
    for path in [OAUTH, OPENID] {
        let answer = servers.ask(Request::get(path)).await;
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let uri = format!("{ISSUER}{KEYS}");
        assert_eq!(answer.json(), json!({"issuer": ISSUER, "jwks_uri": uri}));
    }
    // Elsewhere, if the application says so.
    let elsewhere = Issuer::builder()
        .key_ring(ring())
        .issuer("https://issuer.example/tenant/")
        .jwks_url("https://cdn.example/keys")
        .build()
        .unwrap();
    let servers = serve(&elsewhere).await;
    let metadata = servers.ask(Request::get(OAUTH)).await.json();
    assert_eq!(metadata["issuer"], "https://issuer.example/tenant/");
    assert_eq!(metadata["jwks_uri"], "https://cdn.example/keys");
}

#[test]
fn what_cannot_be_published_says_what_to_do() {
    let es = || Issuer::builder().key(SigningKey::generate(Algorithm::ES256).unwrap());
    let hs = SigningKey::generate(Algorithm::HS256).unwrap();
    let hs = Issuer::builder().key(hs).issuer(ISSUER).build().unwrap();
    let refused = |answer: Result<jamguard::Endpoint, Error>, advice: &str| {
        let error = answer.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(advice), "{error}");
    };
    refused(hs.jwks_endpoint(), "shared secret");
    refused(hs.metadata_endpoint(), "shared secret");
    let metadata = |builder: IssuerBuilder| builder.build().unwrap().metadata_endpoint();
    refused(metadata(es()), ".issuer(");
    let nowhere = [
        "issuer",
        "http://issuer.example",
        "https://",
        "https://a@b.example",
        "ftp://a.example",
        "https://issuer.example?tenant=1",
        "https://issuer.example#x",
        "https://issuer example",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://localhost:x",
    ];
    for issuer in nowhere {
        refused(metadata(es().issuer(issuer)), ".issuer(");
        refused(metadata(es().issuer(ISSUER).jwks_url(issuer)), ".jwks_url(");
    }
    for issuer in ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:1/a"] {
        assert!(metadata(es().issuer(issuer)).is_ok(), "{issuer}");
    }
}

/// A ring that knows no keys and cannot ask for them.
#[tokio::test]
async fn without_a_store_there_is_no_answer_to_keep() {
    let key = |byte| SealingKeys::new(&[byte; 32]);
    let store = MemoryStore::new();
    let ring = |sealing| {
        let ring = KeyRing::builder(Algorithm::ES256).store(store.clone(), sealing);
        ring.build().unwrap()
    };
    ring(key(1)).keys().await.unwrap();
    let servers = serve(&issuer(&ring(key(2)))).await;
    let answer = servers.ask(Request::get(KEYS)).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(!answer.text().contains("sealing"), "{}", answer.text());
}

/// The service that issues, at an address of its own.
struct Issuing {
    url: String,
    ring: KeyRing,
    issuer: Issuer,
    task: tokio::task::JoinHandle<()>,
}

impl Issuing {
    async fn start(clock: &ManualClock) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ring = KeyRing::builder(Algorithm::ES512).clock(clock.clone()).build().unwrap();
        let issuer = Issuer::builder().key_ring(ring.clone()).audience("api");
        let issuer = issuer.issuer(&url).build().unwrap();
        let router = router(&issuer);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, ring, issuer, task }
    }

    async fn token(&self) -> String {
        let token = self.issuer.issue(&json!({"sub": "42"})).await.unwrap();
        token.expose().to_owned()
    }
}

impl Drop for Issuing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn kind(verifier: &Verifier, token: &str) -> Result<(), ErrorKind> {
    let answer = verifier.verify(token).await;
    answer.map(drop).map_err(|error| error.kind())
}

#[tokio::test]
async fn another_service_verifies_through_every_change() {
    let clock = ManualClock::at(crate::support::NOW);
    let service = Issuing::start(&clock).await;
    let rules = || {
        Verifier::builder()
            .algorithms([Algorithm::ES512])
            .audience("api")
            .token_type("JWT")
            .clock(clock.clone())
    };
    let by_url =
        rules().jwks_url(format!("{}{KEYS}", service.url)).issuer(&service.url).build().unwrap();
    let by_name = rules().discover(&service.url).build().unwrap();
    let both = [&by_url, &by_name];

    let first = service.token().await;
    for verifier in both {
        assert_eq!(kind(verifier, &first).await, Ok(()));
    }
    // Published ahead: the new key's first token is no surprise to anybody.
    let new = service.ring.rotate().await.unwrap();
    for _ in 0..3600 / 60 {
        clock.advance(Duration::from_secs(60));
        let token = service.token().await;
        for verifier in both {
            assert_eq!(kind(verifier, &token).await, Ok(()));
        }
    }
    let names: Vec<_> = service.ring.keys().await.unwrap();
    assert_eq!(names[1].key_id(), new);
    let last = service.token().await;

    // Taken back: refused as soon as the keys are fetched again.
    service.ring.revoke(&new).await.unwrap();
    clock.advance(HOUR + HOUR);
    let fresh = service.token().await;
    for verifier in both {
        assert_eq!(kind(verifier, &fresh).await, Ok(()));
        assert_eq!(kind(verifier, &last).await, Err(ErrorKind::UnknownKey));
    }
}

/// The same key set that others fetch, by number: one request for many tokens.
#[tokio::test]
async fn a_published_set_is_one_that_we_read() {
    let clock = ManualClock::at(crate::support::NOW);
    let service = Issuing::start(&clock).await;
    let keys = RemoteKeySet::builder(format!("{}{KEYS}", service.url)).clock(clock.clone());
    let keys = keys.build().unwrap();
    let verifier = Verifier::builder()
        .any_audience()
        .jwks(keys.clone())
        .algorithms([Algorithm::ES512])
        .clock(clock.clone())
        .build()
        .unwrap();
    for _ in 0..10 {
        assert_eq!(kind(&verifier, &service.token().await).await, Ok(()));
    }
    assert_eq!(keys.fetches(), 1);
    let set = service.ring.verifying_keys().await.unwrap().to_json();
    let read = KeySet::from_json(&set).unwrap().to_json();
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(value(&read), value(&set));
}
