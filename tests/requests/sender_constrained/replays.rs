//! A proof is accepted once.

use super::world::{NOW, World, accepted, refused, router, with};
use crate::support::failing::Failing;
use crate::support::{Request, send, serve_axum};
use jamguard::Dpop;
use jamguard::store::MemoryStore;
use std::sync::Arc;
use std::time::Duration;

const INVALID: &str = "invalid_dpop_proof";

#[tokio::test]
async fn attack_46_a_proof_that_was_used_before() {
    let world = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    let request = world.request("GET", "/me", &world.bound());
    accepted(&servers, request.clone()).await;
    refused(&servers, request.clone(), INVALID).await;
    // Until it is too old, and then because of that.
    for seconds in [60, 120] {
        world.clock.set_wall(NOW + seconds);
        refused(&servers, request.clone(), INVALID).await;
    }
    // The same id of another key is another proof; a refused proof is not used up.
    world.clock.set_wall(NOW);
    let other = World::new();
    let servers = world.dpop(|dpop| dpop).await;
    let with_id = |world: &World, token: &str| {
        let mut draft = world.draft("GET", "/me", token);
        draft.claims["jti"] = "one id".into();
        with(Request::get("/me"), token, &world.sign(&draft))
    };
    let theirs = world.token(serde_json::json!({ "jkt": other.client.thumbprint().unwrap() }));
    let ours = world.bound();
    accepted(&servers, with_id(&other, &theirs)).await;
    refused(&servers, with_id(&other, &ours), "invalid_token").await;
    accepted(&servers, with_id(&world, &ours)).await;
    refused(&servers, with_id(&world, &ours), INVALID).await;
}

#[tokio::test]
async fn a_used_proof_is_remembered_while_a_slow_clock_may_accept_it() {
    let world = World::new();
    // The store's own clock, which decides when a record has ended.
    let clock = jamguard::testing::ManualClock::at(NOW);
    let store = MemoryStore::builder().clock(clock.clone()).build().unwrap();
    let dpop = Dpop::builder().public_url("https://api.example").store(store).build().unwrap();
    let (address, task) = serve_axum(router(&world.auth().dpop(dpop).build().unwrap())).await;
    // From a client whose clock is a window ahead, the proof is valid for two windows.
    let request = world.changed(|draft| draft.claims["iat"] = (NOW + 60).into());
    assert_eq!(send(address, &request).await.status, 200);
    clock.advance(Duration::from_secs(239));
    assert_eq!(send(address, &request).await.status, 401);
    clock.advance(Duration::from_secs(2));
    assert_eq!(send(address, &request).await.status, 200);
    task.abort();
}

#[tokio::test]
async fn a_store_that_is_down_is_503_and_the_proof_is_not_accepted() {
    let world = World::new();
    let down = Arc::new(Failing::of(MemoryStore::new()));
    *down.down.lock().unwrap() = true;
    let servers = world.dpop(|dpop| dpop.store(down.clone())).await;
    let answer = servers.ask(world.request("GET", "/me", &world.bound())).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
}

#[tokio::test]
async fn a_store_that_is_full_is_503_even_where_invalid_tokens_are_ignored() {
    let world = World::new();
    let auth = || {
        let full = MemoryStore::builder().max_bytes(1).build().unwrap();
        let dpop = Dpop::builder().public_url("https://api.example").store(full).build().unwrap();
        world.auth().dpop(dpop).ignore_invalid_bearer().build().unwrap()
    };
    let servers = world.serve(auth).await;
    let answer = servers.ask(world.request("GET", "/open", &world.bound())).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
}
