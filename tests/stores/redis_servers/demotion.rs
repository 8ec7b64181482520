//! A server that is no longer the primary: it answers from the past, so nothing it says counts.

use crate::support::redis::{Server, free_port, until};
use jamguard::jose::{Algorithm, SigningKey};
use jamguard::store::{CachedStore, NewRecord, RedisStore, Store, StoreFuture};
use jamguard::testing::mint;
use jamguard::{ErrorKind, TokenList, Verifier};
use std::time::Duration;

/// A primary becomes the replica of a server that cannot be reached: it keeps its records.
fn demote(server: &Server) {
    let nowhere = free_port().to_string();
    let answer = server.command(&["REPLICAOF", "127.0.0.1", &nowhere]);
    assert!(answer.starts_with("+OK"), "{answer}");
}

fn promote(server: &Server) {
    let answer = server.command(&["REPLICAOF", "NO", "ONE"]);
    assert!(answer.starts_with("+OK"), "{answer}");
}

fn new() -> NewRecord {
    NewRecord::new(*b"v").owned_by("ann")
}

/// A store whose operations may take their time: a busy machine is no demotion.
async fn patient(server: &Server) -> RedisStore {
    let store = RedisStore::builder(&server.url()).timeout(Duration::from_secs(10));
    store.connect().await.unwrap()
}

type Operation = (&'static str, for<'a> fn(&'a RedisStore) -> StoreFuture<'a, ()>);

macro_rules! operations {
    ($($name:literal: $store:ident . $call:ident ( $($argument:expr),* );)*) => {
        [$(($name, |$store: &RedisStore| Box::pin(async move {
            $store.$call($($argument),*).await.map(drop)
        })),)*]
    };
}

#[tokio::test]
async fn a_demoted_server_answers_no_operation() {
    let operations: [Operation; 10] = operations! {
        "read a record": store.get("present");
        "read no record": store.get("absent");
        "insert": store.insert("absent", new());
        "insert where there is one": store.insert("present", new());
        "replace another version": store.replace("present", 1, vec![], None);
        "replace none": store.replace("absent", 1, vec![], None);
        "remove none": store.remove("absent");
        "list an owner's records": store.owned("ann");
        "list the records of an owner without any": store.owned("eve");
        "remove the records of an owner without any": store.remove_owned("eve");
    };
    let server = Server::start();
    let store = patient(&server).await;
    store.insert("present", new()).await.unwrap().unwrap();
    for (name, operation) in operations {
        promote(&server);
        // The connection is from the time when this was the primary.
        until("it is read", async || store.get("present").await.is_ok()).await;
        demote(&server);
        let error = operation(&store).await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{name}: {error}");
    }
    promote(&server);
    until("it is read", async || store.get("present").await.is_ok()).await;
}

#[tokio::test]
async fn a_deny_list_on_a_demoted_server_accepts_no_token() {
    let server = Server::start();
    let store = patient(&server).await;
    let list = TokenList::deny(store).build().unwrap();
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let verifier = Verifier::builder()
        .any_audience()
        .key(key.verifying_key().unwrap())
        .algorithms([Algorithm::ES256])
        .deny_list(list)
        .build()
        .unwrap();
    let token = |jti: &str| {
        let claims = serde_json::json!({"jti": jti, "sub": "ann", "exp": 4_102_444_800_u64});
        mint(&key, &claims).unwrap()
    };
    verifier.verify(&token("1")).await.unwrap();
    demote(&server);
    let error = verifier.verify(&token("2")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

/// Also what is remembered does not count for longer.
#[tokio::test]
async fn nothing_is_answered_from_memory_after_a_demotion() {
    let server = Server::start();
    let near = CachedStore::new(RedisStore::builder(&server.url()).build().unwrap());
    for _ in 0..2 {
        until("it is remembered", async || {
            near.get("absent").await.is_ok() && near.peek("absent").is_some()
        })
        .await;
        demote(&server);
        let forgotten =
            until("nothing is remembered", async || near.peek("absent").is_none()).await;
        println!("demoted: nothing is answered from memory after {forgotten:?}");
        assert!(forgotten < Duration::from_millis(800), "{forgotten:?}");
        let error = near.get("absent").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        promote(&server);
    }
}

/// A full disk stops writes, not requests.
#[tokio::test]
async fn a_primary_that_cannot_save_is_still_read() {
    let server = Server::with(&["--save", "3600 1"]);
    let store = patient(&server).await;
    let version = store.insert("present", new()).await.unwrap().unwrap();
    std::fs::remove_dir_all(server.folder()).unwrap();
    server.command(&["BGSAVE"]);
    until("saving failed", async || {
        let state = server.command(&["INFO", "persistence"]);
        state.contains("rdb_last_bgsave_status:err")
    })
    .await;
    let error = store.insert("new", new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage, "{error}");
    let present = store.get("present").await.unwrap().unwrap();
    assert_eq!(present.version(), version);
    assert!(store.get("absent").await.unwrap().is_none());
    assert_eq!(store.owned("ann").await.unwrap().len(), 1);
    assert!(store.owned("eve").await.unwrap().is_empty());
}

/// An operator who wants replicas wants no answer from a primary that may have been replaced.
#[tokio::test]
async fn a_primary_without_the_replicas_it_must_have_is_not_read() {
    let server = Server::start();
    let store = patient(&server).await;
    store.insert("present", new()).await.unwrap().unwrap();
    server.command(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    for key in ["present", "absent"] {
        let error = store.get(key).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
}
