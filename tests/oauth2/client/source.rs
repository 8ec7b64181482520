//! A token source for outgoing calls by client credentials: cached until shortly before expiry,
//! fetched once for concurrent callers.

use crate::client::world::*;
use crate::support::gate::Gate;
use crate::support::issuer::{Answer, at_once, until};
use jamguard::ErrorKind::{ClientRefused, Configuration, Unavailable};
use jamguard::Secret;
use jamguard::oauth2::{OAuth2Client, Provider, TokenSource};
use serde_json::{Value, json};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn named(access_token: &str, lifetime: Value) -> Value {
    json!({"access_token": access_token, "token_type": "Bearer", "expires_in": lifetime})
}

async fn world_with(token: &str, lifetime: Value) -> (World, TokenSource) {
    let world = World::new().await;
    world.server.set("/token", json_answer(&named(token, lifetime)));
    let source = world.client.token_source().build().unwrap();
    (world, source)
}

async fn token(source: &TokenSource) -> String {
    source.token().await.unwrap().expose().to_owned()
}

#[tokio::test]
async fn a_token_is_kept_until_shortly_before_it_expires() {
    // How long it lives, when the next is fetched, and from when on the old one does not serve.
    for (lifetime, renewed, unusable) in
        [(json!(3600), 3540, 3590), (json!(100), 80, 90), (json!(null), 240, 290)]
    {
        let (world, source) = world_with("first", lifetime.clone()).await;
        let builder = world.client.token_source().scopes(["a b"]);
        let other = builder.parameter("audience", "orders").build().unwrap();
        other.token().await.unwrap();
        assert_eq!(value(&world.form(), "scope"), Some("a b"));
        assert_eq!(value(&world.form(), "audience"), Some("orders"));
        for _ in 0..3 {
            assert_eq!(token(&source).await, "first");
        }
        assert_eq!(value(&world.form(), "scope"), Some("read write"));
        assert_eq!(value(&world.form(), "grant_type"), Some("client_credentials"));
        assert_eq!(world.server.hits(), 2, "{lifetime}");
        world.clock.advance(Duration::from_secs(renewed - 1));
        assert_eq!(token(&source).await, "first");
        assert_eq!(world.server.hits(), 2);
        // It is due: the old one serves, and nobody waits for the new one.
        world.server.set("/token", json_answer(&named("second", lifetime.clone())));
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(token(&source).await, "first");
        until("the renewal", || world.server.hits() == 3).await;
        let renewed = async || token(&source).await != "first";
        crate::support::wait::until("the new token", renewed).await;
        assert_eq!(token(&source).await, "second");
        assert_eq!(world.server.hits(), 3);
        // The provider is down: it serves until seconds before its end, and not longer.
        world.server.set("/token", Answer::status(503));
        world.clock.advance(Duration::from_secs(unusable - 1));
        assert_eq!(token(&source).await, "second");
        until("the failure", || world.server.hits() == 4).await;
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(kind(source.token().await), Unavailable);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_at_once_are_one_request_and_a_cancelled_leader_harms_nobody() {
    let (world, source) = world_with("first", json!(3600)).await;
    let body = named("first", json!(3600)).to_string();
    let gate = Gate::closed();
    world.server.set("/token", Answer::Held(gate.clone(), body.into()));
    let asking = Arc::new(AtomicUsize::new(0));
    let ask = |source: &TokenSource| {
        let (source, asking) = (source.clone(), asking.clone());
        tokio::spawn(async move {
            let mut token = pin!(source.token());
            assert!(at_once(token.as_mut()).is_none(), "it waits for the provider");
            asking.fetch_add(1, Ordering::SeqCst);
            token.await
        })
    };
    let leader = ask(&source);
    gate.until_waiting(1).await;
    let followers: Vec<_> = (0..100).map(|_| ask(&source)).collect();
    until("all wait", || asking.load(Ordering::SeqCst) == 101).await;
    leader.abort();
    gate.open();
    for follower in followers {
        assert_eq!(follower.await.unwrap().unwrap().expose(), "first");
    }
    println!("101 calls at once, the first cancelled: {} request", world.server.hits());
    assert_eq!(world.server.hits(), 1);
}

#[tokio::test]
async fn a_failure_is_told_to_all_for_half_a_second() {
    let (world, source) = world_with("first", json!(3600)).await;
    world.server.set("/token", json_answer(&json!({"error": "invalid_client"})));
    for _ in 0..5 {
        assert_eq!(kind(source.token().await), ClientRefused);
    }
    assert_eq!(world.server.hits(), 1);
    world.clock.advance(Duration::from_millis(500));
    world.server.set("/token", json_answer(&named("first", json!(3600))));
    assert_eq!(token(&source).await, "first");
}

/// Where the other service refuses a token all the same.
#[tokio::test]
async fn a_refused_token_is_forgotten_once() {
    let (world, source) = world_with("first", json!(3600)).await;
    let first = source.token().await.unwrap();
    world.server.set("/token", json_answer(&named("second", json!(3600))));
    source.forget(&Secret::new("another"));
    assert_eq!(token(&source).await, "first");
    source.forget(&first);
    assert_eq!(token(&source).await, "second");
    // Whoever comes late with the same news takes nothing away.
    source.forget(&first);
    assert_eq!(token(&source).await, "second");
    assert_eq!(world.server.hits(), 2);
    assert_eq!(source.response().await.unwrap().expires_in(), Some(Duration::from_secs(3600)));
}

#[tokio::test]
async fn client_credentials_are_for_clients_that_have_some() {
    let client = OAuth2Client::builder(Provider::github(), "id").build().unwrap();
    assert_eq!(kind(client.token_source().build()), Configuration);
    assert_eq!(kind(client.client_credentials().send().await), Configuration);
    let (world, _) = world_with("first", json!(3600)).await;
    let source = || world.client.token_source();
    for name in ["client_id", "client_secret", "grant_type", "scope"] {
        assert_eq!(kind(source().parameter(name, "x").build()), Configuration, "{name}");
    }
    let twice = source().parameter("audience", "a").parameter("audience", "b");
    assert_eq!(kind(twice.build()), Configuration);
    assert_eq!(kind(source().scopes(["\"a\""]).build()), Configuration);
    assert!(!format!("{:?}", source().parameter("a", "s3cr3t")).contains("s3cr3t"));
}

/// The runtime on which a token was being fetched may end.
#[test]
fn a_fetch_that_breaks_off_is_begun_anew() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let serving = runtime();
    let (world, source) = serving.block_on(world_with("first", json!(3600)));
    world.server.set("/token", Answer::Hang);
    let short_lived = runtime();
    let asked = source.clone();
    short_lived.spawn(async move { asked.token().await });
    serving.block_on(until("the request", || world.server.hits() == 1));
    short_lived.shutdown_background();
    serving.block_on(async {
        world.server.set("/token", json_answer(&named("first", json!(3600))));
        // The task is dropped in the background.
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        loop {
            world.clock.advance(Duration::from_secs(1));
            match source.token().await {
                Ok(token) => return assert_eq!(token.expose(), "first"),
                Err(_) if tokio::time::Instant::now() < deadline => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
}
