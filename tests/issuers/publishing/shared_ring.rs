//! A key ring over stores as they are run: a file that outlives the process, a Redis that several
//! processes share, both frameworks in front.

use crate::support::folder::Folder;
use crate::support::redis::Server;
use crate::support::{Request, Servers};
use actix_web::middleware::Condition;
use actix_web::web;
use axum::Router;
use axum::routing::get;
use jamguard::jose::Algorithm;
use jamguard::store::{FileStore, RedisStore, SealingKeys, Store};
use jamguard::testing::ManualClock;
use jamguard::{Authenticator, Claims, ErrorKind, Issuer, KeyRing, KeyRingBuilder, Verifier};
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn ring(store: impl Store) -> KeyRingBuilder {
    KeyRing::builder(Algorithm::ES256).store(store, SealingKeys::new(&[7; 32]))
}

/// A process: its own connection, its own memory.
fn process(server: &Server) -> (KeyRing, Issuer) {
    let store = RedisStore::builder(&server.url()).build().unwrap();
    let ring = ring(store).build().unwrap();
    let issuer = issuer(&ring);
    (ring, issuer)
}

fn issuer(ring: &KeyRing) -> Issuer {
    let issuer = Issuer::builder().key_ring(ring.clone());
    issuer.issuer("https://issuer.example").build().unwrap()
}

async fn token(issuer: &Issuer) -> String {
    let token = issuer.issue(&json!({"sub": "42"})).await.unwrap();
    token.expose().to_owned()
}

async fn kind(verifier: &Verifier, token: &str) -> Result<(), ErrorKind> {
    let answer = verifier.verify(token).await;
    answer.map(drop).map_err(|error| error.kind())
}

async fn current(ring: &KeyRing) -> String {
    let keys = ring.keys().await.unwrap();
    keys.last().unwrap().key_id().to_owned()
}

/// How long until the answer is another.
async fn until(verifier: &Verifier, token: &str, wanted: Result<(), ErrorKind>) -> Duration {
    let answered = async || kind(verifier, token).await == wanted;
    crate::support::wait::until(&format!("{wanted:?}"), answered).await
}

#[tokio::test]
async fn a_ring_in_a_file_is_there_after_a_restart() {
    let folder = Folder::new("ring");
    let (first, name) = {
        let store = FileStore::open(folder.store()).unwrap();
        let ring = ring(store).build().unwrap();
        (token(&issuer(&ring)).await, current(&ring).await)
    };
    let store = FileStore::open(folder.store()).unwrap();
    let ring = ring(store).build().unwrap();
    assert_eq!(kind(&issuer(&ring).verifier(), &first).await, Ok(()));
    assert_eq!(current(&ring).await, name);
    let file = std::fs::read(folder.store()).unwrap();
    assert!(!file.windows(name.len()).any(|part| part == name.as_bytes()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_share_a_redis_have_one_ring() {
    let server = Server::start();
    let (a, b) = (process(&server), process(&server));
    let verifier = b.1.verifier();
    let (from_a, from_b) = tokio::join!(token(&a.1), token(&b.1));
    assert_eq!(current(&a.0).await, current(&b.0).await);
    assert_eq!(kind(&verifier, &from_a).await, Ok(()));
    assert_eq!(kind(&a.1.verifier(), &from_b).await, Ok(()));

    let mut times = Vec::new();
    let mut refused = 0;
    for _ in 0..100 {
        let old = token(&a.1).await;
        assert_eq!(kind(&verifier, &old).await, Ok(()));
        let name = current(&a.0).await;
        a.0.rotate_now().await.unwrap();
        // At once, and without waiting for word of it.
        refused += usize::from(kind(&verifier, &token(&a.1).await).await.is_err());
        assert_eq!(kind(&verifier, &old).await, Ok(()));
        a.0.revoke(&name).await.unwrap();
        times.push(until(&verifier, &old, Err(ErrorKind::UnknownKey)).await);
    }
    times.sort();
    let at = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1000.0;
    println!(
        "a key revoked elsewhere: p50 {:.1} ms, p99 {:.1} ms, N = {}; new keys' tokens refused: \
         {refused}",
        at(50),
        at(99),
        times.len()
    );
    assert_eq!(refused, 0);
    assert!(at(99) < 1000.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_gone_stops_no_verification() {
    let mut server = Server::durable();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let clock = ManualClock::at(now.as_secs());
    let store = RedisStore::builder(&server.url()).build().unwrap();
    let ring = ring(store).clock(clock.clone()).build().unwrap();
    let issuer = issuer(&ring);
    let verifier = issuer.verifier();
    let first = token(&issuer).await;
    assert_eq!(kind(&verifier, &first).await, Ok(()));
    server.kill();
    let (mut asked, mut slowest) = (0, Duration::ZERO);
    // More than the refresh interval, by the ring's clock.
    for _ in 0..700 {
        let one = Instant::now();
        let another = token(&issuer).await;
        for token in [&first, &another] {
            assert_eq!(kind(&verifier, token).await, Ok(()));
        }
        slowest = slowest.max(one.elapsed());
        asked += 1;
        clock.advance(Duration::from_millis(10));
    }
    println!(
        "7 s of the ring's clock without Redis: {asked} tokens issued and verified, slowest {slowest:.0?}"
    );
    assert!(slowest < Duration::from_secs(2));
    server.run();
    let back = async || {
        clock.advance(Duration::from_millis(10));
        ring.rotate_now().await.is_ok()
    };
    crate::support::wait::until("the ring rotates again", back).await;
    assert_eq!(kind(&verifier, &first).await, Ok(()));
}

async fn me(claims: Claims<Value>) -> String {
    claims["sub"].to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_ring_guards_both_frameworks() {
    let server = Server::start();
    let (a, b) = (process(&server), process(&server));
    let auth = Authenticator::builder().verifier(b.1.verifier());
    let auth = auth.build().unwrap();
    let router = Router::new().route("/me", get(me)).layer(auth.layer());
    let wrap = move || Condition::new(true, auth.actix());
    let servers = Servers::serve(router, wrap, |config| {
        config.route("/me", web::get().to(me));
    })
    .await;
    let ask = |token: &str| servers.ask(Request::get("/me").bearer(token));

    let old = token(&a.1).await;
    for _ in 0..2 {
        assert_eq!(ask(&old).await.text(), "\"42\"");
    }
    let name = current(&a.0).await;
    a.0.rotate_now().await.unwrap();
    let new = token(&a.1).await;
    for token in [&new, &old] {
        assert_eq!(ask(token).await.status, 200);
    }
    a.0.revoke(&name).await.unwrap();
    until(&b.1.verifier(), &old, Err(ErrorKind::UnknownKey)).await;
    assert_eq!(ask(&old).await.status, 401);
    assert_eq!(ask(&new).await.status, 200);
}

/// A start without Redis: nothing is known, nothing may be kept, and it is no client's fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_cannot_be_had_are_an_outage() {
    let mut server = Server::start();
    server.kill();
    let (_, issuer) = process(&server);
    let auth = Authenticator::builder().verifier(issuer.verifier());
    let auth = auth.build().unwrap();
    let keys = issuer.jwks_endpoint().unwrap();
    let router = Router::new()
        .route("/me", get(me))
        .route("/keys", axum::routing::get_service(keys.clone()))
        .layer(auth.layer());
    let wrap = move || Condition::new(true, auth.actix());
    let servers = Servers::serve(router, wrap, move |config| {
        config.route("/me", web::get().to(me)).route("/keys", web::get().to(keys.clone()));
    })
    .await;
    let other = Server::start();
    let foreign = token(&process(&other).1).await;
    for request in [Request::get("/keys"), Request::get("/me").bearer(&foreign)] {
        let begun = Instant::now();
        let answer = servers.ask(request).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.header("retry-after").is_some());
        assert!(begun.elapsed() < Duration::from_secs(1));
    }
    server.run();
    // At the moment of the return one of the two may be asked just before it, the other just after.
    let keys = Request::get("/keys");
    let back = async || matches!(servers.compare(&keys).await, Ok(answer) if answer.status == 200);
    let took = crate::support::wait::until("the keys are served again", back).await;
    assert!(took < Duration::from_secs(1), "within a second of its return: {took:?}");
    let sound = token(&issuer).await;
    let answer = servers.ask(Request::get("/me").bearer(&sound)).await;
    assert_eq!(answer.status, 200);
    let refused = servers.ask(Request::get("/me").bearer(&foreign)).await;
    assert_eq!(refused.status, 401);
}
