//! `forget`: here at once, elsewhere over a store, and also for what is on its way.

use super::enrichment::{Calls, call, counted};
use super::token;
use crate::support::{ANN, BOB, World};
use jamguard::store::{CachedStore, MemoryStore, NewRecord, Record, Store, StoreFuture};
use jamguard::{Authenticator, ErrorKind};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

async fn ask(auth: &Authenticator, token: &str) -> u64 {
    call(&auth.authenticate(token).await.unwrap())
}

#[tokio::test]
async fn a_user_is_forgotten_under_every_token_and_nobody_else_is() {
    let world = World::new().await;
    let (auth, calls) = counted(&world);
    let auth = auth.build().unwrap();
    let (first, second) = (world.token(), token(&world, json!({"n": 2})));
    let bob = world.app.id_token(BOB).unwrap();
    for token in [&first, &second, &bob] {
        ask(&auth, token).await;
    }
    assert_eq!(calls.count(), 2);
    auth.forget(ANN).await.unwrap();
    assert_eq!((ask(&auth, &second).await, ask(&auth, &first).await), (3, 3));
    assert_eq!(ask(&auth, &bob).await, 2);
    auth.forget("nobody@example.com").await.unwrap();
    assert_eq!(ask(&auth, &first).await, 3);
    // By `sub`, where there is one.
    let numbered = token(&world, json!({"sub": "42"}));
    assert_eq!(ask(&auth, &numbered).await, 4);
    auth.forget("42").await.unwrap();
    assert_eq!(ask(&auth, &numbered).await, 5);
}

/// What the hook began to say before is not believed after.
#[tokio::test]
async fn an_answer_on_its_way_is_forgotten_too() {
    let world = World::new().await;
    let (calls, gate, asked) =
        (Calls::default(), Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let hook = (calls.clone(), gate.clone(), asked.clone());
    let auth = world.auth().enrich(move |_| {
        let (calls, gate, asked) = hook.clone();
        let call = calls.add();
        async move {
            asked.notify_one();
            gate.acquire().await.unwrap().forget();
            Ok(json!({"call": call}))
        }
    });
    let auth = auth.build().unwrap();
    let token = world.token();
    let early = tokio::spawn({
        let (auth, token) = (auth.clone(), token.clone());
        async move { ask(&auth, &token).await }
    });
    asked.notified().await;
    auth.forget(ANN).await.unwrap();
    let late = tokio::spawn({
        let (auth, token) = (auth.clone(), token.clone());
        async move { ask(&auth, &token).await }
    });
    let again = tokio::time::timeout(Duration::from_secs(10), asked.notified());
    again.await.expect("the hook is asked again");
    gate.add_permits(2);
    assert_eq!((early.await.unwrap(), late.await.unwrap()), (1, 2));
    assert_eq!(ask(&auth, &token).await, 2, "the older answer was not kept");
}

/// The request that asks the hook is given up: another takes over.
#[tokio::test]
async fn a_request_given_up_leaves_nobody_waiting() {
    let world = World::new().await;
    let (calls, asked) = (Calls::default(), Arc::new(Notify::new()));
    let hook = (calls.clone(), asked.clone());
    let auth = world.auth().enrich(move |_| {
        let (calls, asked) = hook.clone();
        let call = calls.add();
        async move {
            if call == 1 {
                asked.notify_one();
                std::future::pending::<()>().await;
            }
            Ok(json!({"call": call}))
        }
    });
    let auth = auth.build().unwrap();
    let token = world.token();
    let leader = tokio::spawn({
        let (auth, token) = (auth.clone(), token.clone());
        async move { ask(&auth, &token).await }
    });
    asked.notified().await;
    let waiting = tokio::spawn({
        let (auth, token) = (auth.clone(), token.clone());
        async move { ask(&auth, &token).await }
    });
    tokio::task::yield_now().await;
    leader.abort();
    let answer = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    assert_eq!(answer.expect("it goes on").unwrap(), 2);
}

/// Two processes as far as they can tell: they share nothing but the store.
#[tokio::test]
async fn other_processes_learn_of_it_over_a_store() {
    let world = World::new().await;
    let store = MemoryStore::new();
    let (here, _) = counted(&world);
    let here = here.enrichment_store(store.clone()).build().unwrap();
    let (there, _) = counted(&world);
    let there = there.enrichment_store(CachedStore::new(store.clone())).build().unwrap();
    let (token, bob) = (world.token(), world.app.id_token(BOB).unwrap());
    ask(&here, &token).await;
    for auth in [&there, &there] {
        assert_eq!((ask(auth, &token).await, ask(auth, &bob).await), (1, 2));
    }
    // Time and again: a record that is there already is a change as well.
    for round in 0..3 {
        here.forget(ANN).await.unwrap();
        assert_eq!(ask(&there, &token).await, 3 + round, "{round}");
        assert_eq!(ask(&there, &bob).await, 2);
    }
    // Others' records in the same store change nothing.
    store.insert("something else", NewRecord::new("x")).await.unwrap();
    assert_eq!(ask(&there, &token).await, 5);
}

/// A store that tells nobody of changes.
struct Silent;

impl Store for Silent {
    fn get<'a>(&'a self, _: &'a str) -> StoreFuture<'a, Option<Record>> {
        unreachable!()
    }
    fn insert<'a>(&'a self, _: &'a str, _: NewRecord) -> StoreFuture<'a, Option<u64>> {
        unreachable!()
    }
    fn replace<'a>(
        &'a self,
        _: &'a str,
        _: u64,
        _: Vec<u8>,
        _: Option<Duration>,
    ) -> StoreFuture<'a, Option<u64>> {
        unreachable!()
    }
    fn remove<'a>(&'a self, _: &'a str) -> StoreFuture<'a, bool> {
        unreachable!()
    }
    fn owned<'a>(&'a self, _: &'a str) -> StoreFuture<'a, Vec<(String, Record)>> {
        unreachable!()
    }
    fn remove_owned<'a>(&'a self, _: &'a str) -> StoreFuture<'a, u64> {
        unreachable!()
    }
    fn purge(&self) -> StoreFuture<'_, u64> {
        unreachable!()
    }
}

#[tokio::test]
async fn a_store_must_be_of_use() {
    let world = World::new().await;
    let silent = counted(&world).0.enrichment_store(Silent).build();
    let without_hook = world.auth().enrichment_store(MemoryStore::new()).build();
    for auth in [silent, without_hook] {
        assert_eq!(auth.unwrap_err().kind(), ErrorKind::Configuration);
    }
    // Without a hook there is nothing to forget.
    assert!(world.auth().build().unwrap().forget(ANN).await.is_ok());
}
