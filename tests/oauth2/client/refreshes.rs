//! Concurrent refreshes share one request: with rotation a second refresh would be taken for theft.

use crate::client::world::*;
use crate::support::gate::Gate;
use crate::support::issuer::{Answer, at_once, until};
use jamguard::Error;
use jamguard::ErrorKind::{InvalidGrant, Unavailable};
use jamguard::oauth2::TokenResponse;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

fn named(access_token: &str) -> Value {
    let mut body = tokens();
    body["access_token"] = access_token.into();
    body["refresh_token"] = "refresh-2".into();
    body
}

fn held(gate: &Gate, body: &Value) -> Answer {
    Answer::Held(gate.clone(), body.to_string().into())
}

/// Begins a refresh with `refresh-1`, and counts it once it waits for the provider.
fn begun(world: &World, waiting: &Arc<AtomicUsize>) -> JoinHandle<Result<TokenResponse, Error>> {
    let refresh = world.client.clone().refresh("refresh-1");
    let waiting = waiting.clone();
    tokio::spawn(async move {
        let mut answer = Box::pin(refresh.send());
        assert!(at_once(answer.as_mut()).is_none(), "it waits for the provider");
        waiting.fetch_add(1, Ordering::SeqCst);
        answer.await
    })
}

/// Begins a refresh: when this returns, it is under way.
async fn begin(world: &World) -> JoinHandle<Result<TokenResponse, Error>> {
    let waiting = Arc::default();
    let answer = begun(world, &waiting);
    until("it waits", || waiting.load(Ordering::SeqCst) == 1).await;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_with_one_token_are_one_request() {
    let world = World::new().await;
    let gate = Gate::closed();
    world.server.set("/token", held(&gate, &named("new")));
    let waiting = Arc::default();
    let asked: Vec<_> = (0..100).map(|_| begun(&world, &waiting)).collect();
    until("all wait", || waiting.load(Ordering::SeqCst) == 100).await;
    gate.open();
    for asked in asked {
        let tokens: TokenResponse = asked.await.unwrap().unwrap();
        assert_eq!(tokens.access_token().expose(), "new");
        assert_eq!(tokens.refresh_token().unwrap().expose(), "refresh-2");
    }
    println!("100 refreshes at once: {} request", world.server.hits());
    assert_eq!(world.server.hits(), 1);
    // A page's late request still has the old token.
    world.server.set("/token", json_answer(&named("newer")));
    let late = world.client.refresh("refresh-1").send().await.unwrap();
    assert_eq!(late.access_token().expose(), "new");
    assert_eq!(world.server.hits(), 1);
    // Another token, other parameters, other scopes: another request.
    for (request, hits) in [
        (world.client.refresh("refresh-2"), 2),
        (world.client.refresh("refresh-1").parameter("a", "b"), 3),
        (world.client.refresh("refresh-1").parameter("a", "c"), 4),
        (world.client.refresh("refresh-1").scopes(["read"]), 5),
    ] {
        request.send().await.unwrap();
        assert_eq!(world.server.hits(), hits);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_leader_harms_nobody() {
    let world = World::new().await;
    let gate = Gate::closed();
    world.server.set("/token", held(&gate, &named("new")));
    let leader = begin(&world).await;
    gate.until_waiting(1).await;
    let follower = begin(&world).await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    gate.open();
    assert_eq!(follower.await.unwrap().unwrap().access_token().expose(), "new");
    assert_eq!(world.server.hits(), 1);
}

/// A verdict is shared, an outage is not.
#[tokio::test]
async fn what_is_no_verdict_is_asked_anew() {
    let world = World::new().await;
    world.server.set("/token", Answer::status(503));
    for hits in 1..=2 {
        assert_eq!(kind(world.client.refresh("refresh-1").send().await), Unavailable);
        assert_eq!(world.server.hits(), hits);
    }
    world.server.set("/token", json_answer(&json!({"error": "invalid_grant"})));
    for _ in 0..2 {
        assert_eq!(kind(world.client.refresh("refresh-1").send().await), InvalidGrant);
        assert_eq!(world.server.hits(), 3);
    }
    world.server.set("/token", json_answer(&tokens()));
    world.client.refresh("refresh-3").send().await.unwrap();
}

/// Without rotation an answer is shared no longer than its token is good: nothing speaks against
/// asking again.
#[tokio::test]
async fn a_token_that_is_over_is_not_shared() {
    let world = World::new().await;
    let ask = async |answer: Value| {
        world.server.set("/token", json_answer(&answer));
        let tokens = world.client.refresh("refresh-1").send().await.unwrap();
        tokens.access_token().expose().to_owned()
    };
    let short = |access_token: &str, refresh_token: Value| json!({"access_token": access_token, "expires_in": 4, "refresh_token": refresh_token});
    assert_eq!(ask(short("first", json!(null))).await, "first");
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(ask(short("second", json!("refresh-1"))).await, "first");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(ask(short("second", json!("refresh-1"))).await, "second");
    world.clock.advance(Duration::from_secs(4));
    assert_eq!(ask(short("third", json!("refresh-2"))).await, "third");
    // With it a second request with the old one would be taken for theft.
    world.clock.advance(Duration::from_secs(4));
    assert_eq!(ask(short("fourth", json!("refresh-3"))).await, "third");
    assert_eq!(world.server.hits(), 3);
}
