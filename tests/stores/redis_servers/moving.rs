//! An address behind which the server changes, while the old one goes on as a primary: a virtual
//! address, a DNS name, a proxy, a managed endpoint.

use crate::support::proxy::Proxy;
use crate::support::redis::{Server, until};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::{CachedStore, NewRecord, RedisStore, Store};
use jamguard::testing::mint;
use jamguard::{ErrorKind, TokenList, Verifier};
use std::time::{Duration, Instant};

/// Half a second is promised; the rest is for a busy machine.
const BOUND: Duration = Duration::from_millis(800);

fn new() -> NewRecord {
    NewRecord::new(*b"v")
}

/// Two servers with the same records, and an address that leads to the first one.
async fn world() -> (Server, Server, Proxy) {
    let old = Server::start();
    let store = RedisStore::connect(&old.url()).await.unwrap();
    store.insert("session", new()).await.unwrap().unwrap();
    let port = old.port.to_string();
    let next = Server::with(&["--save", "", "--replicaof", "127.0.0.1", &port]);
    until("the records are copied", async || {
        next.command(&["ROLE"]).contains("connected")
            && next.command(&["DBSIZE"]) == old.command(&["DBSIZE"])
    })
    .await;
    next.command(&["REPLICAOF", "NO", "ONE"]);
    let proxy = Proxy::start(old.port).await;
    (old, next, proxy)
}

/// The address moves, another process revokes a token and ends a session: for how long each is
/// accepted after that.
async fn accepted_after(moves: impl FnOnce(&Proxy, &Server)) -> Duration {
    let (_old, next, proxy) = world().await;
    let near = CachedStore::new(RedisStore::builder(&proxy.url()).build().unwrap());
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let claims = serde_json::json!({"jti": "1", "sub": "ann", "exp": 4_102_444_800_u64});
    let token = mint(&key, &claims).unwrap();
    let verifier = Verifier::builder()
        .any_audience()
        .key(key.verifying_key().unwrap())
        .algorithms([Algorithm::ES256])
        .deny_list(TokenList::deny(near.clone()).build().unwrap())
        .build()
        .unwrap();
    until("both are remembered", async || {
        near.get("session").await.is_ok_and(|record| record.is_some())
            && near.peek("session").is_some()
            && verifier.verify(&token).await.is_ok()
    })
    .await;
    moves(&proxy, &next);
    let elsewhere = RedisStore::connect(&proxy.url()).await.unwrap();
    let list = TokenList::deny(elsewhere.clone()).build().unwrap();
    list.revoke_unverified(&token).await.unwrap();
    assert!(elsewhere.remove("session").await.unwrap());
    let written = Instant::now();
    let mut accepted = Duration::ZERO;
    until("both are refused", async || {
        let token = verifier.verify(&token).await;
        let session = near.get("session").await;
        if token.is_ok() || matches!(session, Ok(Some(_))) {
            accepted = written.elapsed();
        }
        let refused = token.is_err_and(|error| error.kind() == ErrorKind::Revoked);
        // Remembered again: nothing older can follow.
        refused && matches!(session, Ok(None)) && near.peek("session") == Some(None)
    })
    .await;
    accepted
}

#[tokio::test]
async fn a_revocation_counts_when_every_connection_moved() {
    let accepted = accepted_after(|proxy, next| {
        proxy.lead_to(next.port);
        proxy.cut(true);
        proxy.cut(false);
    })
    .await;
    println!("every connection moved: accepted for {accepted:?} after the revocation");
    assert!(accepted < BOUND, "{accepted:?}");
}

#[tokio::test]
async fn a_revocation_counts_when_only_the_invalidation_connection_moved() {
    let accepted = accepted_after(|proxy, next| {
        proxy.lead_to(next.port);
        proxy.cut(true);
    })
    .await;
    println!("only the invalidation connection moved: accepted for {accepted:?}");
    assert!(accepted < BOUND, "{accepted:?}");
}

#[tokio::test]
async fn a_revocation_counts_when_only_the_data_connection_moved() {
    let accepted = accepted_after(|proxy, next| {
        proxy.lead_to(next.port);
        proxy.cut(false);
    })
    .await;
    println!("only the data connection moved: accepted for {accepted:?}");
    assert!(accepted < BOUND, "{accepted:?}");
}

#[tokio::test]
async fn a_revocation_counts_when_both_connections_stay_with_the_old_server() {
    let accepted = accepted_after(|proxy, next| proxy.lead_to(next.port)).await;
    println!("both connections stay: accepted for {accepted:?}");
    assert!(accepted < BOUND, "{accepted:?}");
}

#[tokio::test]
async fn a_store_that_nothing_watches_follows_its_address() {
    let (_old, next, proxy) = world().await;
    let store = RedisStore::connect(&proxy.url()).await.unwrap();
    assert!(store.get("session").await.unwrap().is_some());
    let direct = RedisStore::connect(&next.url()).await.unwrap();
    assert!(direct.remove("session").await.unwrap());
    proxy.lead_to(next.port);
    let moved =
        until("the new server is read", async || matches!(store.get("session").await, Ok(None)))
            .await;
    println!("a store that nothing watches follows its address after {moved:?}");
    assert!(moved < BOUND, "{moved:?}");
}
